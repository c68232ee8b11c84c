import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Activity, awayAfter } from "../src/activity.js";

const kept = new Map<string, string>();
const storage = {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
};
const made: Activity[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  kept.clear();
});

afterEach(() => {
  for (const activity of made.splice(0)) activity.end();
  vi.useRealTimers();
});

function page(shared: typeof storage | undefined = storage) {
  const target = new EventTarget();
  const told: string[] = [];
  made.push(new Activity((status) => told.push(status), target, shared));
  return { told, act: (type = "keydown") => target.dispatchEvent(new Event(type)), target };
}

/** What a browser does in the other pages when one of them writes. */
function hear({ target }: { target: EventTarget }) {
  target.dispatchEvent(Object.assign(new Event("storage"), { key: "parley-active" }));
}

test("after five minutes without input a person is away, and with it online again at once", () => {
  const one = page();
  vi.advanceTimersByTime(awayAfter - 1);
  expect(one.told).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(one.told).toEqual(["away"]);
  one.act("pointermove");
  expect(one.told).toEqual(["away", "online"]);
  vi.advanceTimersByTime(awayAfter);
  expect(one.told).toEqual(["away", "online", "away"]);
});

test("any input puts it off", () => {
  const one = page();
  for (const input of ["pointerdown", "pointermove", "keydown", "wheel", "focus"]) {
    vi.advanceTimersByTime(awayAfter - 1_000);
    one.act(input);
  }
  vi.advanceTimersByTime(awayAfter - 1);
  expect(one.told).toEqual([]);
});

test("who is at another page of the browser is not away in this one", () => {
  const [one, other] = [page(), page()];
  vi.advanceTimersByTime(awayAfter - 1_000);
  other.act();
  vi.advanceTimersByTime(2_000);
  expect([one.told, other.told]).toEqual([[], []]);
  vi.advanceTimersByTime(awayAfter);
  expect([one.told, other.told]).toEqual([["away"], ["away"]]);
  other.act();
  hear(one);
  expect(one.told).toEqual(["away", "online"]);
});

test("input is told to other pages at most every ten seconds", () => {
  const one = page();
  const write = vi.spyOn(storage, "setItem");
  for (let n = 0; n < 100; n++) {
    one.act();
    vi.advanceTimersByTime(200);
  }
  expect(write.mock.calls.length).toBe(2);
  write.mockRestore();
});

test("a storage that refuses, or that says a time to come, changes nothing", () => {
  const refuses = {
    getItem: () => String(Date.now() + 3_600_000),
    setItem: () => {
      throw new Error("full");
    },
  };
  const one = page(refuses);
  one.act();
  vi.advanceTimersByTime(awayAfter);
  expect(one.told).toEqual(["away"]);
  one.act();
  expect(one.told).toEqual(["away", "online"]);
});

test("a timer that slept tells as soon as it wakes", () => {
  const one = page();
  vi.setSystemTime(Date.now() + 3_600_000);
  vi.advanceTimersByTime(awayAfter);
  expect(one.told).toEqual(["away"]);
});
