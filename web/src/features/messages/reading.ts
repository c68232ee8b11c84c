// What counts as read. Messages have been read when half of them was on the screen for a second, at once when the
// window gets the focus while they are there, when one replies, and when one says so. Nothing is read on a page
// that is hidden or has not the focus.

/** How long a message must be on the screen, in milliseconds. */
const lookFor = 1_000;

type Timer = ReturnType<typeof setTimeout>;

/** Which messages of one conversation are looked at, and since when. */
export class Reading {
  readonly #mark: (seq: number) => void;
  readonly #visible = new Map<number, Timer | undefined>();
  #attentive = false;

  /** `mark` is told of a message that has been read, and so of all before it; it may be told again. */
  constructor(mark: (seq: number) => void) {
    this.#mark = mark;
  }

  /** Half of the message came onto the screen, or went. */
  shown(seq: number, visible: boolean): void {
    if (visible && this.#visible.has(seq)) return;
    clearTimeout(this.#visible.get(seq));
    this.#visible.delete(seq);
    if (visible) this.#visible.set(seq, this.#attentive ? this.#later(seq) : undefined);
  }

  /** The page became visible and has the focus, or is not looked at any more. */
  attend(attentive: boolean): void {
    if (attentive === this.#attentive) return;
    this.#attentive = attentive;
    if (attentive && this.#visible.size > 0) this.#mark(Math.max(...this.#visible.keys()));
    for (const [seq, timer] of this.#visible) {
      clearTimeout(timer);
      this.#visible.set(seq, undefined);
    }
  }

  #later(seq: number): Timer {
    return setTimeout(() => this.#mark(seq), lookFor);
  }
}
