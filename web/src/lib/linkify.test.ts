import { expect, test } from "vitest";
import { linkify } from "./linkify.ts";

function links(text: string): string[] {
  return linkify(text).flatMap((span) => (span.href === null ? [] : [span.text]));
}

test.each([
  ["see https://example.org/a?b=c#d now", ["https://example.org/a?b=c#d"]],
  ["http://localhost:3000/x, https://b.example.", ["http://localhost:3000/x", "https://b.example"]],
  ["(https://en.wikipedia.org/wiki/Parley_(talk))", ["https://en.wikipedia.org/wiki/Parley_(talk)"]],
  ["<https://example.org>", ["https://example.org"]],
  ["HTTPS://EXAMPLE.ORG/Path!", ["HTTPS://EXAMPLE.ORG/Path"]],
  ["https://müller.example/straße", ["https://müller.example/straße"]],
])("%s", (text, expected) => expect(links(text)).toEqual(expected));

test.each([
  "javascript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "ftp://example.org",
  "https://",
  "https://[::bad",
  "https://bank.example@evil.example/",
  "www.example.org",
  "vbscript:https",
])("%s is no link", (text) => expect(links(text)).toEqual([]));

test("an address ends where its direction is turned", () => {
  expect(links("https://example.org/\u202egnp.exe")).toEqual(["https://example.org/"]);
});

test("the spans are the text, whatever it is", () => {
  const texts = [
    "",
    "https://a.example https://b.example",
    "<b>x</b> https://c.example/<i>",
    "a\n\nhttps://d.example\n",
  ];
  for (const text of texts) {
    expect(
      linkify(text)
        .map((span) => span.text)
        .join(""),
    ).toBe(text);
  }
});

test("brackets that were never opened are no part of an address, however many", () => {
  expect(links(`https://example.org/${")".repeat(3900)}`)).toEqual(["https://example.org/"]);
  expect(links("https://example.org/(a)_(b))).")).toEqual(["https://example.org/(a)_(b)"]);
});
