import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Reading } from "./reading.ts";

let marked: number[];
let reading: Reading;

beforeEach(() => {
  vi.useFakeTimers();
  marked = [];
  reading = new Reading((seq) => marked.push(seq));
});

afterEach(() => {
  vi.useRealTimers();
});

test("what is on the screen for a second has been read, and not a moment sooner", () => {
  reading.attend(true);
  reading.shown(7, true);
  vi.advanceTimersByTime(999);
  expect(marked).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(marked).toEqual([7]);
});

test("what is scrolled past has not been read", () => {
  reading.attend(true);
  reading.shown(7, true);
  vi.advanceTimersByTime(900);
  reading.shown(7, false);
  reading.shown(8, true);
  vi.advanceTimersByTime(900);
  expect(marked).toEqual([]);
  reading.shown(7, true);
  vi.advanceTimersByTime(999);
  expect(marked).toEqual([8]);
});

test("a message that moves while it stays on the screen is not looked at anew", () => {
  reading.attend(true);
  reading.shown(7, true);
  vi.advanceTimersByTime(600);
  reading.shown(7, true);
  vi.advanceTimersByTime(400);
  expect(marked).toEqual([7]);
});

test("nothing is read on a page that is hidden or has not the focus", () => {
  reading.shown(7, true);
  vi.advanceTimersByTime(60_000);
  expect(marked).toEqual([]);
});

test("who looks away before the second is over has not read it", () => {
  reading.attend(true);
  reading.shown(7, true);
  vi.advanceTimersByTime(999);
  reading.attend(false);
  vi.advanceTimersByTime(60_000);
  expect(marked).toEqual([]);
});

test("with the focus, all that is on the screen has been read at once", () => {
  reading.shown(7, true);
  reading.shown(9, true);
  reading.shown(8, true);
  reading.shown(9, false);
  reading.attend(true);
  expect(marked).toEqual([8]);
  reading.attend(true);
  vi.advanceTimersByTime(60_000);
  expect(marked).toEqual([8]);
});

test("the focus alone, with nothing on the screen, reads nothing", () => {
  reading.attend(true);
  vi.advanceTimersByTime(60_000);
  expect(marked).toEqual([]);
});
