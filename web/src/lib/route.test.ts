import { expect, test } from "vitest";
import { parseRoute } from "./route.ts";

const nothing = { conversation: null, as: null, owner: null };

test("an address says where the page is", () => {
  const id = "01900000-0000-7000-8000-000000000001";
  expect(parseRoute("")).toEqual(nothing);
  expect(parseRoute(`#/c/${id}`)).toEqual({ ...nothing, conversation: id });
  expect(parseRoute("#as=alice")).toEqual({ ...nothing, as: "alice" });
  expect(parseRoute("#owner=aB-_3")).toEqual({ ...nothing, owner: "aB-_3" });
});

test("an address that means nothing is the list", () => {
  expect(parseRoute("#/c/../../x")).toEqual(nothing);
  expect(parseRoute("#as=")).toEqual(nothing);
  expect(parseRoute("#/as=alice")).toEqual(nothing);
});
