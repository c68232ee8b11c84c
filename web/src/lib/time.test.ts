import { expect, test } from "vitest";
import { dayLabel, listTime } from "./time.ts";

const now = new Date(2026, 2, 4, 9, 30);
const at = (...parts: [number, number, number, number?, number?]) => new Date(...parts).toISOString();

test("the list says the clock, the weekday, the date, the year", () => {
  expect(listTime(at(2026, 2, 4, 0, 1), now)).toBe("00:01");
  expect(listTime(at(2026, 2, 3, 23, 59), now)).toBe("Tue");
  expect(listTime(at(2026, 1, 3), now)).toBe("3 Feb");
  expect(listTime(at(2025, 1, 3), now)).toBe("3 Feb 2025");
});

test("a server clock ahead of ours is still today", () => {
  expect(listTime(at(2026, 2, 5, 0, 1), now)).toBe("00:01");
  expect(dayLabel(at(2026, 2, 5, 0, 1), now)).toBe("Today");
});

test("days are named as people do", () => {
  expect(dayLabel(at(2026, 2, 4, 0, 1), now)).toBe("Today");
  expect(dayLabel(at(2026, 2, 3, 23, 59), now)).toBe("Yesterday");
  expect(dayLabel(at(2026, 2, 1), now)).toMatch(/^Sunday,? 1 March$/);
  expect(dayLabel(at(2025, 11, 31), now)).toBe("31 December 2025");
});
