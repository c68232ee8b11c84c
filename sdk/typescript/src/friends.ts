import { backoff } from "./backoff.js";
import type { ParleyClient } from "./client.js";
import { asParleyError, type ParleyError } from "./errors.js";
import type { Block, Friend } from "./shapes.js";
import { Cell, type Store } from "./store.js";

export interface FriendsState {
  /** Friends and requests both ways, the latest first. */
  readonly friends: readonly Friend[];
  /** Whom this person has blocked, the latest first. */
  readonly blocks: readonly Block[];
  /** Whether all that is shown has come since the last time that nothing was told. */
  readonly loaded: boolean;
  /** Whether {@link Friends.loadMore} would find more friends. */
  readonly hasMore: boolean;
  /** Why the lists could not be read; they are asked for again by themselves. Null when they could. */
  readonly error: ParleyError | null;
}

interface Page {
  friends?: Friend[];
  blocks?: Block[];
  nextCursor: string | null;
  hasMore: boolean;
}

const perPage = 100;
/** More pages of blocked people are not read: who has blocked that many sees the rest when a message is refused. */
const mostBlockPages = 20;
const empty: FriendsState = { friends: [], blocks: [], loaded: false, hasMore: false, error: null };

/** The signed-in person's friends, requests and blocked people, kept up while there is a connection. */
export class Friends {
  readonly store: Store<FriendsState>;
  readonly #store = new Cell<FriendsState>(empty);
  readonly #client: ParleyClient;
  readonly #ends: (() => void)[];
  #cancel = new AbortController();
  #cursor: string | null = null;
  #online = false;
  #me: string | undefined;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #loadingMore: Promise<void> | null = null;
  /** How many changes were told: what was being read meanwhile may be from before. */
  #changes = 0;

  constructor(client: ParleyClient) {
    this.#client = client;
    this.store = this.#store;
    this.#me = client.session.getSnapshot().user?.id;
    this.#ends = [
      client.event.subscribe(() => this.#take()),
      client.connection.subscribe(() => this.#connection()),
      client.session.subscribe(() => this.#person()),
    ];
    this.#connection();
  }

  /** Asks somebody for friendship, or accepts theirs if they asked before. Rejects with a ParleyError, as all do. */
  async ask(userId: string): Promise<void> {
    this.#put(await this.#client.call<Friend>("POST", "/friends", { body: { userId } }));
  }

  async accept(userId: string): Promise<void> {
    this.#put(await this.#client.call<Friend>("POST", `/friends/${userId}/accept`));
  }

  /** Ends a friendship, declines a request or withdraws it. */
  async remove(userId: string): Promise<void> {
    await this.#client.call("DELETE", `/friends/${userId}`);
    this.#drop(userId);
  }

  /** Neither can write to the other directly then, or see when they are here; a friendship ends. They are not told. */
  async block(userId: string): Promise<void> {
    const block = await this.#client.call<Block>("POST", "/blocks", { body: { userId } });
    this.#drop(userId);
    this.#blocked(block);
  }

  async unblock(userId: string): Promise<void> {
    await this.#client.call("DELETE", `/blocks/${userId}`);
    this.#unblocked(userId);
  }

  /** Reads the next page of friends. Rejects with a ParleyError. */
  loadMore(): Promise<void> {
    if (!this.#store.getSnapshot().hasMore) return Promise.resolve();
    const { signal } = this.#cancel;
    this.#loadingMore ??= this.#page("friends", this.#cursor, signal)
      .then((page) => {
        if (signal.aborted) return;
        const { friends } = this.#store.getSnapshot();
        const more = page.friends?.filter(({ user }) => !friends.some((one) => one.user.id === user.id)) ?? [];
        this.#store.patch({ friends: [...friends, ...more], ...this.#next(page) });
      })
      .finally(() => {
        this.#loadingMore = null;
      });
    return this.#loadingMore;
  }

  /** Reads the lists anew. Never rejects. */
  async reload(): Promise<void> {
    this.#cancel.abort();
    this.#cancel = new AbortController();
    clearTimeout(this.#timer);
    const { signal } = this.#cancel;
    const shown = this.#store.getSnapshot().friends.length;
    const changes = this.#changes;
    try {
      const friends: Friend[] = [];
      const blocks: Block[] = [];
      let page: Page | null = null;
      do {
        page = await this.#page("friends", page?.nextCursor ?? null, signal);
        friends.push(...(page.friends ?? []));
      } while (page.hasMore && friends.length < shown);
      const next = page;
      page = null;
      for (let n = 0; n < mostBlockPages && page?.hasMore !== false; n++) {
        page = await this.#page("blocks", page?.nextCursor ?? null, signal);
        blocks.push(...(page.blocks ?? []));
      }
      if (signal.aborted) return;
      this.#failures = 0;
      if (changes !== this.#changes) {
        void this.reload();
        return;
      }
      this.#store.set({ friends, blocks, loaded: true, error: null, ...this.#next(next) });
    } catch (thrown) {
      if (signal.aborted) return;
      const error = asParleyError(thrown);
      this.#store.patch({ error });
      const wait = Math.max(error.retryAfterMs ?? 0, backoff(this.#failures++));
      if (error.retryable) this.#timer = setTimeout(() => void this.reload(), wait);
    }
  }

  dispose(): void {
    this.#cancel.abort();
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
  }

  #page(list: "friends" | "blocks", cursor: string | null, signal: AbortSignal): Promise<Page> {
    return this.#client.call("GET", `/${list}`, { query: { limit: perPage, cursor: cursor ?? undefined }, signal });
  }

  #next({ hasMore, nextCursor }: Page): { hasMore: boolean } {
    this.#cursor = nextCursor;
    return { hasMore: hasMore && nextCursor !== null };
  }

  #take(): void {
    const event = this.#client.event.getSnapshot();
    if (event?.type === "friend:changed") {
      const { status, user, since } = event;
      if (status === "none" || !user || !since) this.#drop(event.userId);
      else this.#put({ user, status, since });
    } else if (event?.type === "block:changed") {
      // Who was blocked is told by id alone; when it was here that they were, they are known already.
      if (!event.blocked) this.#unblocked(event.userId);
      else if (!this.#store.getSnapshot().blocks.some(({ user }) => user.id === event.userId)) void this.reload();
    }
  }

  #put(friend: Friend): void {
    this.#changes++;
    const { friends } = this.#store.getSnapshot();
    this.#store.patch({ friends: [friend, ...friends.filter(({ user }) => user.id !== friend.user.id)] });
  }

  #drop(userId: string): void {
    this.#changes++;
    const { friends } = this.#store.getSnapshot();
    const left = friends.filter(({ user }) => user.id !== userId);
    if (left.length < friends.length) this.#store.patch({ friends: left });
  }

  #blocked(block: Block): void {
    this.#changes++;
    const { blocks } = this.#store.getSnapshot();
    this.#store.patch({ blocks: [block, ...blocks.filter(({ user }) => user.id !== block.user.id)] });
  }

  #unblocked(userId: string): void {
    this.#changes++;
    const { blocks } = this.#store.getSnapshot();
    const left = blocks.filter(({ user }) => user.id !== userId);
    if (left.length < blocks.length) this.#store.patch({ blocks: left });
  }

  /** What changed while there was no connection nobody told. */
  #connection(): void {
    const online = this.#client.connection.getSnapshot().state === "online";
    if (online && !this.#online) void this.reload();
    this.#online = online;
  }

  #person(): void {
    const me = this.#client.session.getSnapshot().user?.id;
    if (me === this.#me) return;
    this.#me = me;
    this.#cancel.abort();
    this.#cursor = null;
    this.#store.set(empty);
  }
}
