import type { Block, Friend } from "../shapes.js";
import { Refusal } from "./fake-refusal.js";
import type { FakeServer } from "./fake-server.js";

interface Tie {
  readonly from: string;
  readonly to: string;
  readonly accepted: boolean;
  readonly since: string;
}

/** Who is whose friend, has asked to be, or has blocked whom, on a {@link FakeServer}. */
export class FakeFriends {
  readonly #server: FakeServer;
  #ties: Tie[] = [];
  #blocks: { readonly by: string; readonly of: string; readonly since: string }[] = [];

  constructor(server: FakeServer) {
    this.#server = server;
  }

  are(a: string, b: string): boolean {
    return this.#tie(a, b)?.accepted === true;
  }

  /** Whether one of the two has blocked the other. */
  apart(a: string, b: string): boolean {
    return this.#blocks.some(({ by, of }) => (by === a && of === b) || (by === b && of === a));
  }

  /** How somebody stands to others, the latest first. */
  of(me: string): Friend[] {
    const mine = this.#ties.filter(({ from, to }) => from === me || to === me);
    return mine.map((tie) => this.#seen(tie, me)).reverse();
  }

  blocks(me: string): Block[] {
    const mine = this.#blocks.filter(({ by }) => by === me);
    return mine.map(({ of, since }) => ({ user: this.#server.store.user(of), since })).reverse();
  }

  /** Asks, or accepts what the other has asked; with `accept` it only accepts. */
  befriend(me: string, other: string, accept = false): Friend {
    const { store } = this.#server;
    const before = this.#tie(me, other);
    const asked = before?.to === me && !before.accepted;
    if (me === other) throw new Refusal("VALIDATION_ERROR");
    if (!store.people.has(other) || this.apart(me, other) || (accept && !asked)) throw new Refusal("NOT_FOUND");
    if (before && !asked) return this.#seen(before, me);
    const tie = { from: before?.from ?? me, to: before?.to ?? other, accepted: asked, since: store.now() };
    this.#ties = [...this.#ties.filter((one) => one !== before), tie];
    this.#tell(tie);
    return this.#seen(tie, me);
  }

  unfriend(me: string, other: string): void {
    const before = this.#tie(me, other);
    if (!before) return;
    this.#ties = this.#ties.filter((one) => one !== before);
    for (const [one, another] of [
      [me, other],
      [other, me],
    ] as const) {
      this.#server.tell(one, { type: "friend:changed", userId: another, status: "none" });
    }
    this.#server.presence.update();
  }

  block(me: string, other: string, blocked: boolean): void {
    if (me === other) throw new Refusal("VALIDATION_ERROR");
    if (!this.#server.store.people.has(other)) throw new Refusal("NOT_FOUND");
    const before = this.#blocks.find(({ by, of }) => by === me && of === other);
    if ((before !== undefined) === blocked) return;
    if (blocked) {
      this.unfriend(me, other);
      this.#blocks.push({ by: me, of: other, since: this.#server.store.now() });
    } else this.#blocks = this.#blocks.filter((one) => one !== before);
    this.#server.tell(me, { type: "block:changed", userId: other, blocked });
    for (const c of this.#server.store.conversations.values()) {
      if (c.type === "direct" && c.people.includes(me) && c.people.includes(other)) this.#server.announceRoster(c);
    }
    this.#server.presence.update();
  }

  #tie(a: string, b: string): Tie | undefined {
    return this.#ties.find(({ from, to }) => (from === a && to === b) || (from === b && to === a));
  }

  #seen({ from, to, accepted, since }: Tie, me: string): Friend {
    const status = accepted ? "friends" : from === me ? "outgoing" : "incoming";
    return { user: this.#server.store.user(from === me ? to : from), status, since };
  }

  #tell(tie: Tie): void {
    for (const me of [tie.from, tie.to]) {
      const friend = this.#seen(tie, me);
      this.#server.tell(me, { type: "friend:changed", userId: friend.user.id, ...friend });
    }
    this.#server.presence.update();
  }
}
