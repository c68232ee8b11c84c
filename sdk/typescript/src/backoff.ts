const steps = [1000, 2000, 4000, 8000, 16_000, 30_000];

/** The longest wait before attempt `n` (0 is the first repetition), in milliseconds: 1, 2, 4, 8, 16, 30 s. */
export function longestBackoff(n: number): number {
  return steps[Math.min(n, steps.length - 1)] as number;
}

/** Full jitter: anything up to the longest wait, so that clients that fell together do not return together. */
export function backoff(n: number): number {
  return Math.random() * longestBackoff(n);
}
