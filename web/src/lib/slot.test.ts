import { expect, test } from "vitest";
import { slotOf } from "./slot.ts";

test("every name that an account may have has a slot that the server takes", () => {
  expect(slotOf("bob")).toBe("bob");
  expect(slotOf("Bob.B-2_x")).toBe("bob_b-2_x");
  expect(slotOf("zoë")).toBe("zo_");
  for (const name of ["ада", "x".repeat(64), "a;b=c", " "]) expect(slotOf(name)).toMatch(/^[a-z0-9_-]{1,32}$/);
  expect(slotOf(null)).toBeNull();
});
