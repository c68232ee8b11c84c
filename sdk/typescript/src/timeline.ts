import type { Message } from "./shapes.js";

/**
 * The messages of one conversation and how far they are complete. A state is a snapshot plus the changes past
 * it: every change takes the next `rev`, a newer `rev` of a message replaces an older one, and so the same
 * change may come twice and pages of history may come in any order.
 */
export class Timeline {
  /** By `seq`, each once. */
  readonly #messages: Message[] = [];
  /** Made here from a confirmation, so that the server's copy of the same `rev` replaces them. */
  readonly #provisional = new Set<Message>();
  /** Changes past {@link upTo} that are here already: a confirmation may overtake what came before it. */
  readonly #known = new Set<number>();
  /** Where the loaded history begins. Messages before it are kept and not shown: between them are holes. */
  #from = Number.POSITIVE_INFINITY;
  /** Every change up to this `rev` is here; null before the first snapshot. */
  upTo: number | null = null;

  /** The loaded messages, oldest first; before the first page, what happened since. A new array each time. */
  messages(): Message[] {
    return this.#messages.slice(this.#from === Number.POSITIVE_INFINITY ? 0 : this.#place(this.#from));
  }

  /** The `seq` of the newest message; 0 for none. */
  get lastSeq(): number {
    return this.#messages.at(-1)?.seq ?? 0;
  }

  find(id: string): Message | undefined {
    return this.#messages.find((message) => message.id === id);
  }

  /** Adds a message or a newer state of one. */
  upsert(message: Message, provisional = false): void {
    const at = this.#place(message.seq);
    const have = this.#messages[at];
    if (have?.seq !== message.seq) {
      this.#messages.splice(at, 0, message);
    } else if (message.rev > have.rev || (message.rev === have.rev && !provisional && this.#provisional.has(have))) {
      this.#messages[at] = message;
      this.#provisional.delete(have);
    } else {
      return;
    }
    if (provisional) this.#provisional.add(message);
  }

  /** Merges a page of history. `whole` means that nothing is older than it. */
  page(messages: readonly Message[], whole: boolean): void {
    for (const message of messages) {
      this.upsert(message);
      this.#from = Math.min(this.#from, message.seq);
    }
    if (whole) this.#from = 1;
  }

  /** Notes that the change `rev` is here although those before it may not be. */
  note(rev: number): void {
    if (this.upTo !== null && rev > this.upTo) {
      this.#known.add(rev);
      this.#advance();
    }
  }

  /**
   * Notes a change of a connection that sends all of them in order. It reports false when some before it are
   * missing: they were lost, and must be asked for.
   */
  follow(rev: number): boolean {
    this.note(rev);
    return this.upTo === null || rev <= this.upTo;
  }

  /** Notes that everything up to `rev` is here: a difference of states leaps over what it sums up. */
  leap(rev: number): void {
    if (this.upTo !== null && rev <= this.upTo) return;
    this.upTo = rev;
    for (const known of this.#known) {
      if (known <= rev) this.#known.delete(known);
    }
    this.#advance();
  }

  /** Forgets what came out of order: everything past {@link upTo} is being asked for again. */
  forgetAhead(): void {
    this.#known.clear();
  }

  /** How many messages of others stand past `lastReadSeq`, or null when history is not loaded that far up. */
  unread(lastReadSeq: number, me: string): number | null {
    if (this.#from > lastReadSeq + 1) return null;
    let count = 0;
    for (let i = this.#place(lastReadSeq + 1); i < this.#messages.length; i++) {
      const message = this.#messages[i] as Message;
      if (message.senderId !== me && message.deletedAt === null) count++;
    }
    return count;
  }

  #advance(): void {
    while (this.upTo !== null && this.#known.delete(this.upTo + 1)) this.upTo++;
  }

  /** The index of the first message at or past `seq`. */
  #place(seq: number): number {
    let low = 0;
    let high = this.#messages.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#messages[middle] as Message).seq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
