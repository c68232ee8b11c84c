/** The server hears of it at most this often (C4.7). */
const tellEvery = 3_000;
/** A person who has not touched a key for this long has stopped. */
const stopsAfter = 5_000;
/** Typing of others ends by itself (C4.7). */
const endsAfter = 6_000;

type Timer = ReturnType<typeof setTimeout>;

/** Tells the others that the signed-in person types, and that they stopped. */
export class OwnTyping {
  readonly #tell: (typing: boolean) => void;
  #told = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(tell: (typing: boolean) => void) {
    this.#tell = tell;
  }

  touch(): void {
    if (Date.now() - this.#told >= tellEvery) {
      this.#told = Date.now();
      this.#tell(true);
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.stop(), stopsAfter);
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#told = Number.NEGATIVE_INFINITY;
    this.#tell(false);
  }
}

/** Who of the others types. */
export class OthersTyping {
  readonly #changed: () => void;
  readonly #timers = new Map<string, Timer>();
  /** Ids in the order in which they began. */
  ids: readonly string[] = [];

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  started(userId: string): void {
    clearTimeout(this.#timers.get(userId));
    const known = this.#timers.has(userId);
    this.#timers.set(
      userId,
      setTimeout(() => this.stopped(userId), endsAfter),
    );
    if (!known) this.#publish();
  }

  stopped(userId: string): void {
    clearTimeout(this.#timers.get(userId));
    if (this.#timers.delete(userId)) this.#publish();
  }

  clear(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    if (this.#timers.size === 0) return;
    this.#timers.clear();
    this.#publish();
  }

  #publish(): void {
    this.ids = [...this.#timers.keys()];
    this.#changed();
  }
}
