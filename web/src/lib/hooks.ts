import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { dayNumber } from "./time.ts";

/** True once `value` has been true for `ms` without a break: what passes quickly need not be shown. */
export function useLasting(value: boolean, ms: number): boolean {
  const [lasted, setLasted] = useState(false);
  useEffect(() => {
    if (!value) {
      setLasted(false);
      return;
    }
    const timer = setTimeout(() => setLasted(true), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return value && lasted;
}

/** The value as it was when it had rested for `ms`. */
export function useRested<T>(value: T, ms: number): T {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return rested;
}

/** Today, a new object only when the day changes. */
export function useToday(): Date {
  const [today, setToday] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => {
      const now = new Date();
      setToday((before) => (dayNumber(before) === dayNumber(now) ? before : now));
    }, 30_000);
    return () => clearInterval(timer);
  }, []);
  return today;
}

function subscribeAttention(fn: () => void): () => void {
  addEventListener("focus", fn);
  addEventListener("blur", fn);
  document.addEventListener("visibilitychange", fn);
  return () => {
    removeEventListener("focus", fn);
    removeEventListener("blur", fn);
    document.removeEventListener("visibilitychange", fn);
  };
}

/** Whether the page is visible and has the focus: only then is something read. */
export function useAttention(): boolean {
  return useSyncExternalStore(subscribeAttention, () => document.visibilityState === "visible" && document.hasFocus());
}

/** A function that always calls the latest `fn` and never changes itself, for memoised children. */
export function useSteady<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  const latest = useRef(fn);
  useEffect(() => {
    latest.current = fn;
  });
  const [steady] = useState(
    () =>
      (...args: A) =>
        latest.current(...args),
  );
  return steady;
}

/** Whether the pointer is a finger, as far as the device knows. */
export function coarsePointer(): boolean {
  return matchMedia("(pointer: coarse)").matches;
}
