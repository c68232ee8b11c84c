import type { ReceiptEvent } from "./events.js";
import type { Conversation } from "./shapes.js";
import type { Receipt } from "./views.js";

/** Of so many of its newest messages a large conversation tells how many have read them. */
const counted = 50;

const unknown = { deliveredSeq: 0, readSeq: 0, readMessageId: null, readAt: null };

/**
 * How far the others have received and read one conversation. In small ones each person's position is told, and
 * in large ones the number of readers of each of the newest messages (C6.3); the kind that was told last is in force.
 * Nothing is forgotten when a connection ends, so that nothing flickers when the next one tells it again.
 */
export class Receipts {
  readonly #counts = new Map<string, number>();
  #large = false;
  /** One of each person of whom something is known; a new array when something changed. */
  all: readonly Receipt[] = [];

  /** Takes in what may come twice, late and in any order: a position only moves forward. */
  take(event: ReceiptEvent): void {
    if (event.type === "receipt:count") {
      this.#large = true;
      for (const { messageId, readCount } of event.counts) this.#counts.set(messageId, readCount);
      return;
    }
    const { userId } = event;
    const have = this.all.find((receipt) => receipt.userId === userId) ?? { ...unknown, userId };
    // Who has read something has it, also when they let nobody know any more.
    const upTo = event.type === "message:delivered" ? event.upToSeq : event.seq;
    const next = { ...have, deliveredSeq: Math.max(have.deliveredSeq, upTo) };
    if (event.type === "receipt:updated") {
      const { seq: readSeq, messageId: readMessageId, readAt } = event;
      // Only small conversations name people, also those who have read nothing.
      this.#large = false;
      if (readSeq === 0 || readSeq > have.readSeq) Object.assign(next, { readSeq, readMessageId, readAt });
    }
    if (next.deliveredSeq === have.deliveredSeq && next.readSeq === have.readSeq) return;
    this.all = [...this.all.filter((receipt) => receipt.userId !== userId), next];
  }

  /** Forgets who is not in the conversation any more: who comes back has read nothing since. */
  keep({ participants, participantCount }: Conversation): void {
    // Where nobody else is left nobody is told of.
    if (participantCount < 2) this.#large = false;
    const here = this.all.filter(({ userId }) => participants.some(({ user }) => user.id === userId));
    if (participants.length >= participantCount && here.length < this.all.length) this.all = here;
  }

  /** How many others have read an own message; null where no number was told, or one that may be too old. */
  readers(id: string, seq: number, lastSeq: number): number | null {
    if (this.#large) return seq > lastSeq - counted ? (this.#counts.get(id) ?? null) : null;
    return this.all.filter(({ readSeq }) => readSeq >= seq).length;
  }
}
