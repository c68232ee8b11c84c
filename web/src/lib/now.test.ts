import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ago, now } from "./now.ts";

let visible: DocumentVisibilityState = "visible";
Object.defineProperty(document, "visibilityState", { get: () => visible });

function show(state: DocumentVisibilityState) {
  visible = state;
  document.dispatchEvent(new Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  show("visible");
  vi.useRealTimers();
});

test("one timer serves all who look, and none runs when nobody does", () => {
  let told = 0;
  const before = vi.getTimerCount();
  const ends = [1, 2, 3].map(() => now.subscribe(() => told++));
  expect(vi.getTimerCount()).toBe(before + 1);
  told = 0;
  vi.advanceTimersByTime(15_000);
  expect(told).toBe(3);
  for (const end of ends) end();
  expect(vi.getTimerCount()).toBe(before);
});

test("it sleeps while the page is hidden, and is right at once when it is shown", () => {
  let told = 0;
  const end = now.subscribe(() => told++);
  show("hidden");
  told = 0;
  vi.advanceTimersByTime(600_000);
  expect(told).toBe(0);
  show("visible");
  expect(told).toBe(1);
  expect(now.getSnapshot().getTime()).toBe(Date.now());
  end();
});

test("how long ago somebody was seen ages from minutes to a date", () => {
  const noon = new Date(2026, 2, 4, 12);
  const before = (minutes: number) => ago(new Date(noon.getTime() - minutes * 60_000).toISOString(), noon);
  expect(before(-3)).toBe("just now");
  expect(before(0.9)).toBe("just now");
  expect(before(1)).toBe("1 minute ago");
  expect(before(59.9)).toBe("59 minutes ago");
  expect(before(60)).toBe("1 hour ago");
  expect(before(23.9 * 60)).toBe("23 hours ago");
  expect(before(24 * 60)).toBe("yesterday");
  expect(before(6 * 24 * 60)).toBe("6 days ago");
  expect(before(8 * 24 * 60)).toBe("24 February 2026");
});
