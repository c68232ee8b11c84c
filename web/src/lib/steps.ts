// A list whose rows are measured can keep its place when rows come in at its head, or at its tail, but not at
// both in one step. So such a change is shown in two steps: the head first.

export interface Keyed {
  readonly key: string;
}

export interface Step<T extends Keyed> {
  /** What is shown now. */
  readonly items: readonly T[];
  /** What is to be shown in the end. */
  readonly target: readonly T[];
  /** Whether this step changed the head: the place is kept counting from the end. */
  readonly shift: boolean;
}

export function nextStep<T extends Keyed>(from: Step<T>, target: readonly T[]): Step<T> {
  const oldFirst = from.items[0]?.key;
  const oldLast = from.items.at(-1)?.key;
  const head = target.findIndex((item) => item.key === oldFirst);
  const tail = target.findLastIndex((item) => item.key === oldLast);
  if (oldFirst === undefined || head <= 0) return { items: target, target, shift: false };
  if (tail === target.length - 1) return { items: target, target, shift: true };
  return { items: tail < 0 ? target : target.slice(0, tail + 1), target, shift: true };
}
