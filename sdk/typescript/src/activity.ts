import { type PageStorage, pageStorage } from "./page-storage.js";

/** After this long without input a person is away (C7.1). */
export const awayAfter = 5 * 60_000;
/** Pages of one browser tell each other of input at most this often. */
const sharedEvery = 10_000;
const key = "parley-active";
const inputs = ["pointerdown", "pointermove", "keydown", "wheel", "focus"];

/**
 * Whether somebody uses this browser: input in one of its pages is input for all. A page's timers may sleep, so that
 * being away may be noticed late here; the server notices by itself.
 */
export class Activity {
  readonly #changed: (activity: "online" | "away") => void;
  readonly #ends = new AbortController();
  readonly #shared: PageStorage | undefined;
  #last = Date.now();
  #told = 0;
  #away = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(changed: (activity: "online" | "away") => void, page: EventTarget, shared = pageStorage()) {
    this.#changed = changed;
    this.#shared = shared;
    const { signal } = this.#ends;
    for (const input of inputs)
      page.addEventListener(input, () => this.touch(), { signal, capture: true, passive: true });
    page.addEventListener("storage", (event) => (event as StorageEvent).key === key && this.#look(), { signal });
    this.#wait();
  }

  /** There was input. */
  touch(): void {
    const now = Date.now();
    this.#last = now;
    if (now - this.#told >= sharedEvery) {
      this.#told = now;
      try {
        this.#shared?.setItem(key, String(now));
      } catch {
        // A full storage only keeps the other pages from knowing.
      }
    }
    if (this.#away) this.#set(false);
  }

  end(): void {
    this.#ends.abort();
    clearTimeout(this.#timer);
  }

  /** Takes in what other pages of this browser say, and whether it was too long ago. */
  #look(): void {
    const elsewhere = Number(this.#shared?.getItem(key));
    // A clock that was set back must not keep somebody here for ever.
    if (elsewhere > this.#last && elsewhere <= Date.now()) this.#last = elsewhere;
    const away = Date.now() - this.#last >= awayAfter;
    if (away !== this.#away) this.#set(away);
    else if (!away) this.#wait();
  }

  #set(away: boolean): void {
    this.#away = away;
    this.#wait();
    this.#changed(away ? "away" : "online");
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (!this.#away) this.#timer = setTimeout(() => this.#look(), Math.max(0, this.#last + awayAfter - Date.now()));
  }
}
