import type { ConversationList } from "./conversations.js";
import { asParleyError, ParleyError, retryIn } from "./errors.js";
import { parseEvent, type ReceiptEvent, type ServerEvent } from "./events.js";
import { messageOf } from "./message.js";
import type { Outbox, OutboxEntry } from "./outbox.js";
import type { Patience } from "./patience.js";
import { Receipts } from "./receipts.js";
import type { Call, Rest } from "./rest.js";
import type { Message, ReadState } from "./shapes.js";
import { Cell } from "./store.js";
import { Timeline } from "./timeline.js";
import { OthersTyping, OwnTyping } from "./typing.js";
import type { ConversationViewState, MessageView } from "./views.js";

const perPage = 50;
const changesPerPage = 100;
/** Acknowledgements and read positions go out at most this often for a conversation (C3.4). */
const tellEvery = 1_000;
/** What is told of several people is shown once nothing more has come for this long: no row counts up through them. */
const receiptsWithin = 20;
/** A gap is asked for at most this often: a server that leaves it open is not asked in a circle. */
const repairEvery = 1_000;
/** A subscribe or a read position that is not answered within this time is repeated. */
const answeredWithin = 10_000;

/** What all conversations of a person share. */
export interface ConversationDoors {
  readonly me: string;
  readonly rest: Rest;
  readonly patience: Patience;
  readonly list: ConversationList;
  readonly outbox: Outbox;
  send(frame: object): boolean;
  /** Asks for the changes of a conversation past its `rev`, in one frame with all others that are asked for. */
  subscribe(conversation: ConversationView): void;
  /** Takes in a change that was read over REST, as if it had come over the socket. */
  change(event: ServerEvent): void;
}

interface History {
  messages: Message[];
  nextCursor: string | null;
  hasMore: boolean;
}

interface Changes {
  changes: unknown[];
  lastRev: number;
  hasMore: boolean;
}

/**
 * One conversation: a snapshot, the changes past it, and what waits in the outbox.
 *
 *     away ─▶ asking ─▶ catching ─▶ live ─▶ (a gap) asking …
 *                          └─▶ paging ─▶ live
 *
 * `asking` waits for `subscribed`, `catching` for `caught:up`, `paging` reads over REST what was too much.
 */
export class ConversationView {
  readonly store: Cell<ConversationViewState>;
  readonly id: string;
  readonly #doors: ConversationDoors;
  readonly #timeline = new Timeline();
  readonly #typing: OthersTyping;
  readonly #ownTyping: OwnTyping;
  #opens = 0;
  #phase: "away" | "asking" | "catching" | "paging" | "live" | "refused" = "away";
  /**
   * When more changed than the socket brings, the `rev` up to which there is a hole to be read over REST;
   * what comes past it is live already.
   */
  #hole: number | null = null;
  /** Whether something was confirmed meanwhile whose event may never come. */
  #suspect = false;
  #cancel = new AbortController();
  #loading = false;
  #older: string | null = null;
  readonly #receipts = new Receipts();
  #acknowledged = 0;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;
  #repairTimer: ReturnType<typeof setTimeout> | undefined;
  #repaired = Number.NEGATIVE_INFINITY;
  /** How often a subscribe was refused since it last succeeded. */
  #refusals = 0;
  /** How far this person has read here, and whether that is on its way, or known to the server. */
  #read: { message: Message; state: "new" | "told" | "known" } | null = null;
  #readTimer: ReturnType<typeof setTimeout> | undefined;
  #answerTimer: ReturnType<typeof setTimeout> | undefined;
  #receiptTimer: ReturnType<typeof setTimeout> | undefined;
  #views = new Map<string, MessageView>();

  constructor(id: string, doors: ConversationDoors) {
    this.id = id;
    this.#doors = doors;
    this.#typing = new OthersTyping(() => this.publish());
    this.#ownTyping = new OwnTyping((typing) => {
      doors.send({ type: typing ? "typing:start" : "typing:stop", conversationId: id });
    });
    this.store = new Cell<ConversationViewState>({
      ...{ conversation: doors.list.get(id) ?? null, messages: [], hasOlder: false, loadingOlder: false },
      ...{ loaded: false, error: null, completeUpTo: 0, typing: [], receipts: [], removed: null },
    });
    this.publish();
  }

  /** Where a subscribe begins; null while there is no snapshot or nobody looks. */
  get afterRev(): number | null {
    return this.#opens > 0 && this.store.getSnapshot().removed === null ? this.#timeline.upTo : null;
  }

  readonly open = (): void => {
    if (++this.#opens > 1) return;
    void this.#load();
    this.ask();
  };

  readonly close = (): void => {
    if (this.#opens === 0 || --this.#opens > 0) return;
    this.#ownTyping.stop();
    this.#tellRead();
    this.dispose();
    this.#doors.send({ type: "unsubscribe", conversationId: this.id });
  };

  /** Ends what runs by itself. */
  dispose(): void {
    this.#cancel.abort();
    this.#cancel = new AbortController();
    this.#loading = false;
    this.away();
    for (const timer of [this.#ackTimer, this.#readTimer, this.#answerTimer, this.#receiptTimer]) clearTimeout(timer);
    this.#ackTimer = this.#readTimer = undefined;
  }

  /** The socket is gone. */
  away(): void {
    this.#phase = "away";
    this.#refusals = 0;
    this.#calm();
    if (this.#read?.state === "told") this.#read.state = "new";
    this.#typing.clear();
  }

  /** Subscribes past what is here, when there is something to subscribe to and somebody who looks. */
  ask(): void {
    if (this.afterRev !== null) this.#doors.subscribe(this);
  }

  /** The subscribe is on its way. */
  asked(): void {
    this.#phase = "asking";
    this.store.patch({ error: null });
    this.#timeline.forgetAhead();
    this.#calm();
    this.#repairTimer = setTimeout(() => this.refused(new ParleyError("NETWORK_ERROR")), answeredWithin);
  }

  /** Says again what an earlier connection, or a server that died, may have lost. */
  online(): void {
    void this.#load();
    this.#tellRead(true);
    this.#acknowledged = 0;
  }

  subscribed(lastRev: number, hasMore: boolean): void {
    if (this.#phase !== "asking") return;
    this.#calm();
    this.#phase = "catching";
    this.#hole = hasMore ? lastRev : null;
  }

  /** What changed is not told: it is asked for again later, or the person is told why not. */
  refused(error: ParleyError): void {
    // What is asking, catching or paging has not got all yet; to others this is news of something else.
    if (!this.#phase.endsWith("ing")) return;
    this.#calm();
    this.#phase = "refused";
    // The connection lives: within 4 s after what failed is over all is complete again.
    const wait = retryIn(error, Math.min(this.#refusals++, 2));
    if (wait === null) {
      this.store.patch({ error });
      return;
    }
    this.#repaired = Date.now() + wait - repairEvery;
    this.#repair();
  }

  caughtUp(rev: number): void {
    if (this.#phase !== "catching") return;
    if (this.#hole !== null) {
      this.#timeline.leap(rev);
      this.#phase = "paging";
      void this.#page();
      return;
    }
    this.#goLive(rev);
  }

  /** Takes in a change that takes a `rev`; `read` says that it was read over REST. */
  change(rev: number, message: Message | null, read = false): void {
    if (message) {
      this.#timeline.upsert(message);
      this.#typing.stopped(message.senderId);
    }
    const summed = this.#phase === "catching" && (this.#hole === null || rev <= this.#hole);
    if (read || summed) this.#timeline.leap(rev);
    else if (this.#phase !== "live") this.#timeline.note(rev);
    else if (!this.#timeline.follow(rev)) this.#repair();
    // A row of states that are out of date as soon as the next one comes is not worth showing.
    if (read || this.#phase === "catching") return;
    this.#acknowledge();
    this.publish();
  }

  /** Takes in the confirmation of an own message. */
  confirmed(message: Message, resent: boolean): void {
    this.#timeline.upsert(message, true);
    if (!resent) this.#timeline.note(message.rev);
    // A resent message may have been stored long ago and edited since, and its own event may never come.
    else if (this.#phase === "live") this.#repair();
    else this.#suspect = true;
  }

  /** Takes in what others have received or read, and shows together what comes together: one event tells of one person. */
  receipt(event: ReceiptEvent): void {
    this.#receipts.take(event);
    clearTimeout(this.#receiptTimer);
    this.#receiptTimer = setTimeout(() => this.publish(), receiptsWithin);
  }

  typed(userId: string, typing: boolean): void {
    if (typing && userId !== this.#doors.me) this.#typing.started(userId);
    else this.#typing.stopped(userId);
  }

  /** The read position moved, here or on another device. */
  synced(state: ReadState): void {
    const seq = state.lastReadSeq ?? this.#timeline.find(state.lastReadMessageId ?? "")?.seq;
    if (this.#read && seq !== undefined && seq >= this.#read.message.seq) this.#read.state = "known";
    this.#doors.list.read(state, seq);
  }

  /** This person is not in it (any more). */
  removed(reason: string): void {
    this.dispose();
    this.#read = null;
    this.store.patch({ removed: reason });
  }

  /** This person is in it again. */
  returned(): void {
    if (this.store.getSnapshot().removed === null) return;
    this.store.patch({ removed: null });
    void this.#load();
    this.ask();
  }

  readonly loadOlder = async (): Promise<void> => {
    const { loaded, hasOlder, loadingOlder } = this.store.getSnapshot();
    if (!loaded) return this.#load();
    if (!hasOlder || loadingOlder) return;
    this.store.patch({ loadingOlder: true, error: null });
    const { signal } = this.#cancel;
    try {
      this.#take(await this.#history(this.#older, signal));
    } catch (thrown) {
      this.#failed(thrown, signal);
    }
    this.store.patch({ loadingOlder: false });
    this.publish();
  };

  readonly send = (content: string): string => {
    this.#ownTyping.stop();
    return this.#doors.outbox.add(this.id, content);
  };

  readonly retry = (clientMessageId: string): void => this.#doors.outbox.retry(clientMessageId);

  readonly discard = (clientMessageId: string): void => this.#doors.outbox.discard(clientMessageId);

  readonly edit = async (messageId: string, content: string): Promise<void> => {
    const path = `/conversations/${this.id}/messages/${messageId}`;
    const message = await this.#doors.rest.call<Message>("PATCH", path, { body: { content } });
    this.#timeline.upsert(message);
    this.publish();
  };

  readonly delete = async (messageId: string): Promise<void> => {
    await this.#doors.rest.call("DELETE", `/conversations/${this.id}/messages/${messageId}`);
  };

  readonly typing = (): void => this.#ownTyping.touch();

  readonly markRead = (messageId: string): void => {
    const message = this.#timeline.find(messageId);
    const conversation = this.#doors.list.get(this.id);
    if (!message || message.seq <= Math.max(this.#read?.message.seq ?? 0, conversation?.lastReadSeq ?? 0)) return;
    this.#read = { message, state: "new" };
    const unreadCount = this.#timeline.unread(message.seq, this.#doors.me) ?? 0;
    this.#doors.list.read(
      { conversationId: this.id, unreadCount, lastReadMessageId: messageId, lastReadAt: null },
      message.seq,
    );
    this.#readTimer ??= setTimeout(() => {
      this.#readTimer = undefined;
      this.#tellRead();
    }, tellEvery);
  };

  /** Brings the store up to date with everything that it is made of. */
  publish(): void {
    const { list, outbox, me } = this.#doors;
    const before = this.store.getSnapshot();
    let conversation = list.get(this.id) ?? before.conversation;
    if (this.#phase === "live" && conversation?.lastReadSeq !== undefined) {
      const unread = this.#timeline.unread(conversation.lastReadSeq, me);
      if (unread !== null && list.get(this.id)) {
        list.unread(this.id, unread);
        conversation = list.get(this.id) ?? conversation;
      }
    }
    const receipts = this.#receipts;
    if (conversation && conversation !== before.conversation) receipts.keep(conversation);
    const stored = this.#timeline.messages();
    const readers = ({ id, seq }: Message) => receipts.readers(id, seq, this.#timeline.lastSeq);
    // Who has read a message has read those before it, also where their number is not known.
    const readUpTo = stored.findLast((message) => message.senderId === me && readers(message))?.seq ?? 0;
    const reached = Math.max(0, ...receipts.all.map(({ deliveredSeq }) => deliveredSeq));
    const views = new Map<string, MessageView>();
    for (const message of stored) {
      const mine = message.senderId === me;
      const key = mine ? message.clientMessageId : message.id;
      const upTo = message.seq <= readUpTo ? "read" : message.seq <= reached ? "delivered" : "stored";
      const status = mine ? upTo : "stored";
      const readBy = mine ? readers(message) : 0;
      views.set(key, this.#reuse({ key, message, status, error: null, mine, readBy }));
    }
    for (const entry of outbox.entries(this.id)) {
      const key = entry.row.clientMessageId;
      if (!views.has(key)) views.set(key, this.#waiting(entry));
    }
    this.#views = views;
    const messages = [...views.values()];
    const same = messages.length === before.messages.length && messages.every((view, i) => view === before.messages[i]);
    this.store.patch({
      conversation,
      messages: same ? before.messages : messages,
      hasOlder: before.loaded && this.#older !== null,
      completeUpTo: this.#timeline.upTo ?? 0,
      typing: this.#typing.ids,
      receipts: receipts.all,
    });
  }

  #waiting({ row, state, error }: OutboxEntry): MessageView {
    const { clientMessageId } = row;
    const have = this.#views.get(clientMessageId);
    const createdAt = new Date(row.queuedAt).toISOString();
    const message =
      have?.message.seq === 0 ? have.message : messageOf(row, { id: clientMessageId, seq: 0, rev: 0, createdAt });
    return this.#reuse({ key: clientMessageId, message, status: state, error, mine: true, readBy: 0 });
  }

  /** The view of before when it says the same. */
  #reuse(view: MessageView): MessageView {
    const have = this.#views.get(view.key);
    const keys = ["message", "status", "error", "readBy"] as const;
    return have && keys.every((key) => have[key] === view[key]) ? have : view;
  }

  /** Takes a snapshot: first how far the conversation is, then a page that is at least that new. */
  async #load(): Promise<void> {
    if (this.#opens === 0 || this.#loading || this.store.getSnapshot().loaded) return;
    this.#loading = true;
    this.store.patch({ error: null });
    const { list } = this.#doors;
    const { signal } = this.#cancel;
    try {
      let conversation = list.get(this.id);
      if (!conversation || list.isBehind(this.id)) {
        conversation = await list.one(this.id, signal);
        if (signal.aborted) return;
        list.put(conversation);
      }
      this.#timeline.leap(conversation.lastRev);
      this.ask();
      const page = await this.#history(null, signal);
      if (signal.aborted) return;
      this.#take(page);
      this.store.patch({ loaded: true });
      this.#acknowledge();
      this.publish();
    } catch (thrown) {
      this.#failed(thrown, signal);
    }
    if (!signal.aborted) this.#loading = false;
  }

  /** A reading was given up; unless somebody closed this meanwhile, the person is told. */
  #failed(thrown: unknown, signal: AbortSignal): void {
    const error = asParleyError(thrown);
    if (signal.aborted) return;
    if (error.code === "NOT_IN_CONVERSATION") this.removed("removed");
    else this.store.patch({ error });
  }

  #history(cursor: string | null, signal: AbortSignal): Promise<History> {
    const query = { limit: perPage, cursor: cursor ?? undefined };
    return this.#ask<History>("messages", query, signal);
  }

  #ask<T>(what: string, query: NonNullable<Call["query"]>, signal: AbortSignal): Promise<T> {
    const { rest, patience } = this.#doors;
    return patience.until(() => rest.call<T>("GET", `/conversations/${this.id}/${what}`, { query, signal }), signal);
  }

  #take({ messages, nextCursor, hasMore }: History): void {
    const more = hasMore && nextCursor !== null;
    this.#timeline.page(messages, !more);
    this.#older = more ? nextCursor : null;
    for (const message of messages) {
      if (message.senderId === this.#doors.me) this.#doors.outbox.confirm(message.clientMessageId);
    }
  }

  /** Reads over REST what was too much for the socket; live changes wait beside it meanwhile. */
  async #page(): Promise<void> {
    const { signal } = this.#cancel;
    try {
      for (;;) {
        const query = { afterRev: this.#timeline.upTo ?? 0, limit: changesPerPage };
        const page = await this.#ask<Changes>("changes", query, signal);
        // A lost socket ends this: the next one subscribes past what has come.
        if (signal.aborted || this.#phase !== "paging") return;
        const before = this.#timeline.upTo;
        for (const raw of page.changes) {
          const event = parseEvent(raw);
          if (event) this.#doors.change(event);
        }
        this.publish();
        if (!page.hasMore || this.#timeline.upTo === before) {
          this.#goLive(page.lastRev);
          return;
        }
      }
    } catch (thrown) {
      if (!signal.aborted && this.#phase === "paging") this.refused(asParleyError(thrown));
    }
  }

  #goLive(rev: number): void {
    this.#timeline.leap(rev);
    this.#phase = "live";
    this.#refusals = 0;
    if (this.#suspect) this.#repair();
    this.#suspect = false;
    this.#acknowledge();
    this.publish();
  }

  #calm(): void {
    clearTimeout(this.#repairTimer);
    this.#repairTimer = undefined;
  }

  #repair(): void {
    if (this.#repairTimer !== undefined) return;
    const wait = Math.max(0, this.#repaired + repairEvery - Date.now());
    const repair = () => {
      this.#repairTimer = undefined;
      this.#repaired = Date.now();
      if (this.#phase === "live" || this.#phase === "refused") this.ask();
    };
    if (wait === 0) repair();
    else this.#repairTimer = setTimeout(repair, wait);
  }

  /** Says how far everything is here, a little later, for all that comes until then. */
  #acknowledge(): void {
    if (this.#phase !== "live" || this.#timeline.lastSeq <= this.#acknowledged) return;
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined;
      const seq = this.#timeline.lastSeq;
      if (this.#phase !== "live" || seq <= this.#acknowledged) return;
      if (this.#doors.send({ type: "message:ack", conversationId: this.id, seq })) this.#acknowledged = seq;
    }, tellEvery);
  }

  /**
   * Says how far this person has read, and again until it is answered; `again` also what was known before, since a
   * server that died may have forgotten it (C6.5).
   */
  #tellRead(again = false): void {
    const read = this.#read;
    if (!read || (read.state !== "new" && !again)) return;
    const { id } = read.message;
    const frame = again ? { type: "receipt:sync", lastReadMessageId: id } : { type: "receipt:read", messageId: id };
    if (!this.#doors.send({ ...frame, conversationId: this.id })) return;
    if (read.state === "new") read.state = "told";
    clearTimeout(this.#answerTimer);
    this.#answerTimer = setTimeout(() => this.#read?.state === "told" && this.#tellRead(true), answeredWithin);
  }
}
