import type { ParleyError } from "./errors.js";
import type { ActivityEvent } from "./events.js";
import { messageOf } from "./message.js";
import type { Patience } from "./patience.js";
import type { Rest } from "./rest.js";
import type { Conversation, Message, ReadState } from "./shapes.js";
import { Cell } from "./store.js";
import type { ConversationListState } from "./views.js";

interface Page {
  conversations: Conversation[];
  nextCursor: string | null;
  hasMore: boolean;
}

const perPage = 50;
/** Several reasons to read one conversation again within this time are one reading. */
const refreshAfter = 500;

const empty: ConversationListState = { items: [], loaded: false, hasMore: false, totalUnread: 0, error: null };

/** The person's conversations. What is not subscribed is told by activity; what was missed is read again. */
export class ConversationList {
  readonly store = new Cell<ConversationListState>(empty);
  readonly #rest: Rest;
  readonly #patience: Patience;
  readonly #items = new Map<string, Conversation>();
  /** Conversations that changed since their `lastRev`. */
  readonly #behind = new Set<string>();
  readonly #refreshes = new Map<string, ReturnType<typeof setTimeout>>();
  #cursor: string | null = null;
  #hasMore = false;
  #loaded = false;
  #cancel = new AbortController();
  #loadingMore: Promise<void> | null = null;
  /** What events changed while a reading of the list is under way; null when none is. */
  #touched: Set<string> | null = null;

  constructor(rest: Rest, patience: Patience) {
    this.#rest = rest;
    this.#patience = patience;
  }

  get(id: string): Conversation | undefined {
    return this.#items.get(id);
  }

  /** Whether more is known to have happened in it than `get(id).lastRev` says. */
  isBehind(id: string): boolean {
    return this.#behind.has(id);
  }

  /** Forgets everything: another person, or nobody. */
  reset(): void {
    this.#cancel.abort();
    this.#cancel = new AbortController();
    for (const timer of this.#refreshes.values()) clearTimeout(timer);
    this.#refreshes.clear();
    this.#items.clear();
    this.#behind.clear();
    this.#cursor = this.#touched = this.#loadingMore = null;
    this.#hasMore = this.#loaded = false;
    this.store.set(empty);
  }

  /** Reads as much of the list as was shown before, since nothing told what changed meanwhile. */
  async reload(): Promise<void> {
    this.#cancel.abort();
    this.#cancel = new AbortController();
    const { signal } = this.#cancel;
    const shown = Math.max(1, this.#items.size);
    const touched = new Set<string>();
    this.#touched = touched;
    const read = new Map<string, Conversation>();
    let cursor: string | null = null;
    let hasMore = true;
    try {
      while (hasMore && read.size < shown) {
        const page: Page = await this.#page(cursor, signal);
        for (const conversation of page.conversations) read.set(conversation.id, conversation);
        cursor = page.nextCursor;
        hasMore = page.hasMore && cursor !== null;
      }
    } catch (thrown) {
      return this.#failed(thrown as ParleyError, signal);
    }
    if (signal.aborted) return;
    const oldest = [...read.values()].at(-1)?.updatedAt;
    for (const [id, have] of this.#items) {
      // What stands further down than was read is kept; what should have been there and was not is gone.
      const further = hasMore && oldest !== undefined && have.updatedAt < oldest;
      if (!read.has(id) && !touched.has(id) && !further) this.#items.delete(id);
    }
    this.#touched = null;
    for (const conversation of read.values()) {
      if (touched.has(conversation.id) && !this.#items.has(conversation.id)) continue;
      this.#merge(conversation);
    }
    this.#cursor = cursor;
    this.#hasMore = hasMore;
    this.#loaded = true;
    this.#publish();
  }

  loadMore(): Promise<void> {
    if (!this.#loaded) return this.reload();
    if (!this.#hasMore) return Promise.resolve();
    const { signal } = this.#cancel;
    this.#loadingMore ??= this.#page(this.#cursor, signal)
      .then((page) => {
        if (signal.aborted) return;
        for (const conversation of page.conversations) this.#merge(conversation);
        this.#cursor = page.nextCursor;
        this.#hasMore = page.hasMore && page.nextCursor !== null;
        this.#publish();
      })
      .catch((error) => this.#failed(error, signal))
      .finally(() => {
        this.#loadingMore = null;
      });
    return this.#loadingMore;
  }

  /** Takes in a conversation as the server showed it, to this person or to all. */
  put(conversation: Conversation): void {
    this.#touched?.add(conversation.id);
    this.#merge(conversation);
    this.#publish();
  }

  remove(id: string): void {
    this.#touched?.add(id);
    this.#behind.delete(id);
    if (this.#items.delete(id)) this.#publish();
  }

  /** Takes in a message that was stored, edited or deleted, seen by `me`. */
  message(message: Message, me: string): void {
    const have = this.#items.get(message.conversationId);
    if (!have) {
      // It is followed, and was hidden elsewhere meanwhile: a message brings it back.
      this.refresh(message.conversationId);
      return;
    }
    const last = have.lastMessage;
    const fresh = message.seq > have.lastSeq;
    if (!fresh && !(message.seq === last?.seq && (message.rev > last.rev || last.id === ""))) return;
    this.#touched?.add(have.id);
    const next = { ...have, lastMessage: message };
    if (fresh) {
      next.lastSeq = message.seq;
      if (message.createdAt > have.updatedAt) next.updatedAt = message.createdAt;
      if (message.senderId === me) {
        // Who sends has read (C6.5).
        Object.assign(next, { unreadCount: 0, lastReadMessageId: message.id, lastReadSeq: message.seq });
      } else if (message.deletedAt === null && message.seq > (have.lastReadSeq ?? 0)) {
        next.unreadCount = (have.unreadCount ?? 0) + 1;
      }
    }
    this.#items.set(have.id, next);
    this.#publish();
  }

  /**
   * Takes in what happened in a conversation that is not subscribed. Of its last message this is enough for a list;
   * the rest is read when it is opened.
   */
  activity(event: ActivityEvent): void {
    const { conversationId, lastSeq, senderId: userId, timestamp: createdAt, preview: content, unreadCount } = event;
    const have = this.#items.get(conversationId);
    this.#behind.add(conversationId);
    if (!have || lastSeq < have.lastSeq) {
      this.refresh(conversationId);
      return;
    }
    let { lastMessage: last, updatedAt } = have;
    if (last?.seq !== lastSeq) {
      last = messageOf(
        { conversationId, clientMessageId: "", content, userId },
        { id: "", seq: lastSeq, rev: 0, createdAt },
      );
      updatedAt = createdAt;
    }
    const lastMessage = { ...last, content, deletedAt: content === "" ? createdAt : null };
    this.#touched?.add(conversationId);
    this.#items.set(conversationId, { ...have, lastSeq, lastMessage, updatedAt, unreadCount });
    this.#publish();
  }

  /** Takes in where this person has read to. `seq` is that of the message, where it is known. */
  read(state: ReadState, seq = state.lastReadSeq): void {
    const have = this.#items.get(state.conversationId);
    if (!have) return;
    const { unreadCount, lastReadMessageId } = state;
    // An answer from before what was read last: that is on its way.
    if (seq !== undefined && seq < (have.lastReadSeq ?? 0)) return;
    this.#touched?.add(have.id);
    const next = { ...have, unreadCount, lastReadMessageId };
    if (seq !== undefined) next.lastReadSeq = seq;
    this.#items.set(have.id, next);
    this.#publish();
  }

  /** Sets a count that was made from the messages themselves. */
  unread(id: string, unreadCount: number): void {
    const have = this.#items.get(id);
    if (!have || have.unreadCount === unreadCount) return;
    this.#items.set(id, { ...have, unreadCount });
    this.#publish();
  }

  /** Reads one conversation again, soon. */
  refresh(id: string): void {
    if (this.#refreshes.has(id)) return;
    const { signal } = this.#cancel;
    this.#refreshes.set(
      id,
      setTimeout(() => {
        this.#refreshes.delete(id);
        this.one(id, signal).then(
          (conversation) => {
            if (!signal.aborted) this.put(conversation);
          },
          // Gone meanwhile, for which there is an event, or signed out.
          () => {},
        );
      }, refreshAfter),
    );
  }

  one(id: string, signal: AbortSignal): Promise<Conversation> {
    return this.#patience.until(() => this.#rest.call<Conversation>("GET", `/conversations/${id}`, { signal }), signal);
  }

  #page(cursor: string | null, signal: AbortSignal): Promise<Page> {
    const query = { limit: perPage, cursor: cursor ?? undefined };
    return this.#patience.until(() => this.#rest.call<Page>("GET", "/conversations", { query, signal }), signal);
  }

  /** A reading was given up; unless somebody else came or it is read anew, the person is told. */
  #failed(error: ParleyError, signal: AbortSignal): void {
    if (!signal.aborted) this.store.patch({ error });
  }

  /** The newer of what is there and what came; what belongs to the person survives a copy for all. */
  #merge(came: Conversation): void {
    const have = this.#items.get(came.id);
    if (have && came.lastRev < have.lastRev) return;
    // A copy for all lacks what belongs to the person.
    let next = { ...have, ...came };
    if (have && (next.lastReadSeq ?? 0) < (have.lastReadSeq ?? 0)) {
      // What was read here is on its way, and answered with the exact count.
      const { lastReadSeq, lastReadMessageId, unreadCount } = have;
      Object.assign(next, { lastReadSeq, lastReadMessageId, unreadCount });
    }
    if (have && have.lastSeq > came.lastSeq) {
      // Messages overtook it: it is right about all but them.
      const { lastSeq, lastMessage, unreadCount = 0, updatedAt } = have;
      next = { ...next, lastSeq, lastMessage, unreadCount };
      if (updatedAt > came.updatedAt) next = { ...next, updatedAt };
      this.refresh(came.id);
    } else {
      this.#behind.delete(came.id);
    }
    this.#items.set(came.id, next);
  }

  #publish(): void {
    const items = [...this.#items.values()].sort((a, b) => order(b.updatedAt, a.updatedAt) || order(b.id, a.id));
    const have = this.store.getSnapshot().items;
    const same = have.length === items.length && items.every((item, i) => item === have[i]);
    this.store.patch({
      items: same ? have : items,
      loaded: this.#loaded,
      hasMore: this.#hasMore,
      error: null,
      totalUnread: items.reduce((sum, { unreadCount }) => sum + (unreadCount ?? 0), 0),
    });
  }
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
