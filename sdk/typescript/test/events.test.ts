import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseEvent } from "../src/events.js";

interface Vector {
  name: string;
  frame: unknown;
}

const vectors = JSON.parse(
  readFileSync(new URL("../../../api/vectors/server.json", import.meta.url), "utf8"),
) as Vector[];

describe("every frame that the server may send", () => {
  for (const { name, frame } of vectors) {
    test(`${name} is understood`, () => {
      expect(parseEvent(JSON.stringify(frame))).toEqual(frame);
      expect(parseEvent(frame)).toBe(frame);
    });
  }
});

test("what is not known or not whole is left alone", () => {
  const frames = [
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "{}",
    '{"type":1}',
    '{"type":"constructor"}',
    '{"type":"weather:changed"}',
  ];
  for (const frame of frames) expect(parseEvent(frame)).toBeNull();
  expect(parseEvent('{"type":"caught:up","conversationId":"c"}')).toBeNull();
  expect(parseEvent('{"type":"caught:up","conversationId":"c","rev":"7"}')).toBeNull();
  expect(parseEvent('{"type":"message:received","message":{"id":"m","seq":1}}')).toBeNull();
  expect(parseEvent('{"type":"message:received","message":null}')).toBeNull();
});
