import { expect, test } from "vitest";
import { nextStep, type Step } from "./steps.ts";

function rows(...keys: string[]) {
  return keys.map((key) => ({ key }));
}

function at(...keys: string[]): Step<{ key: string }> {
  const items = rows(...keys);
  return { items, target: items, shift: false };
}

test("what comes at the end does not shift", () => {
  const target = rows("b", "c", "d");
  expect(nextStep(at("b", "c"), target)).toEqual({ items: target, target, shift: false });
});

test("what comes at the head shifts", () => {
  const target = rows("a", "b", "c");
  expect(nextStep(at("b", "c"), target)).toEqual({ items: target, target, shift: true });
});

test("head and tail at once are two steps, the head first", () => {
  const target = rows("a", "b", "c", "d");
  const step = nextStep(at("b", "c"), target);
  expect(step).toEqual({ items: rows("a", "b", "c"), target, shift: true });
  expect(nextStep({ items: step.items, target, shift: true }, target)).toEqual({ items: target, target, shift: false });
});

test("a last row that went away does not hold the head back", () => {
  const target = rows("a", "b");
  expect(nextStep(at("b", "c"), target)).toEqual({ items: target, target, shift: true });
});

test("the first rows of all do not shift", () => {
  const target = rows("a", "b");
  expect(nextStep(at(), target)).toEqual({ items: target, target, shift: false });
});
