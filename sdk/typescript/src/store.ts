/**
 * A value that changes over time, in the form that React's `useSyncExternalStore` and others take.
 * Snapshots are immutable, and the same object until something changed.
 */
export interface Store<T> {
  /** Calls `fn` after each change; the returned function ends that. */
  subscribe(fn: () => void): () => void;
  getSnapshot(): T;
}

/** A {@link Store} that its owner can write. */
export class Cell<T> implements Store<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  readonly subscribe = (fn: () => void): (() => void) => {
    // Wrapped, so that one function subscribed twice is two subscriptions.
    const listener = () => fn();
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): T => this.#value;

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Replaces some members; when all are the same already, nothing changes. */
  patch(part: Partial<T>): void {
    for (const key in part) {
      if (!Object.is(part[key], this.#value[key])) {
        this.set({ ...this.#value, ...part });
        return;
      }
    }
  }
}
