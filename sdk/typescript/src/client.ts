import type { Api } from "./api.js";
import { Connection } from "./connection.js";
import { type ConversationDoors, ConversationView } from "./conversation.js";
import { ConversationList } from "./conversations.js";
import { errorOf, ParleyError } from "./errors.js";
import type { MessageEvent, SentEvent, ServerEvent } from "./events.js";
import { MemoryStorage } from "./memory.js";
import { messageOf } from "./message.js";
import { Outbox } from "./outbox.js";
import type { OutboxStorage } from "./outbox-storage.js";
import { Patience } from "./patience.js";
import { type Call, Rest } from "./rest.js";
import { restApi } from "./rest-api.js";
import { Session } from "./session.js";
import { Cell, type Store } from "./store.js";
import type {
  ConnectionState,
  ConversationListState,
  ConversationViewState,
  Device,
  OutboxState,
  SessionState,
} from "./views.js";

export interface ParleyClientOptions {
  /** Where the server is, such as `https://chat.example.org`; the page's own origin by default. */
  baseUrl?: string;
  /** Where unsent messages survive a reload; by default they live in memory only. */
  storage?: OutboxStorage;
  /**
   * Keeps this login beside others in the same browser, whose pages share their cookies: 1 to 32 of `a-z`, `0-9`,
   * `_` and `-`. Clients with the same slot share a login, and so do all without one.
   */
  slot?: string;
  /** Which of the person's devices this is; all that name none in one login are one. */
  device?: Device;
  fetch?: typeof fetch;
  WebSocket?: typeof WebSocket;
}

/** One conversation. Between `open` and `close` it is subscribed and kept complete. */
export interface ConversationHandle {
  readonly id: string;
  readonly store: Store<ConversationViewState>;
  /** Loads and subscribes it. Opens are counted; each wants its `close`. */
  open(): void;
  close(): void;
  /** Loads the page of history above, or the first again if that failed; resolves when it has come or not, and never rejects. */
  loadOlder(): Promise<void>;
  /** Queues a message and returns its clientMessageId. It is in the store at once. */
  send(content: string): string;
  /** Sends a failed message again, under the same clientMessageId. */
  retry(clientMessageId: string): void;
  /** Forgets a failed message. */
  discard(clientMessageId: string): void;
  /** Rejects with a ParleyError when it was refused. */
  edit(messageId: string, content: string): Promise<void>;
  delete(messageId: string): Promise<void>;
  /** Call it at every keystroke; it tells the others at most every 3 s, and that it stopped. */
  typing(): void;
  /** Moves the read position forward to a message, inclusive. */
  markRead(messageId: string): void;
}

export interface Credentials {
  username: string;
  password: string;
}

/** The most conversations in one subscribe (C3.3). */
const maxSubscribe = 500;

/** A person's connection to one server. */
export class ParleyClient {
  declare readonly session: Store<SessionState>;
  declare readonly connection: Store<ConnectionState>;
  declare readonly conversations: Store<ConversationListState>;
  declare readonly outbox: Store<OutboxState>;
  /** What the operator has said to everybody since this person signed in, the oldest first. */
  declare readonly announcements: Store<readonly string[]>;
  /** The last event of the server, for parts of the client beside this one: the stores have it already. */
  declare readonly event: Store<ServerEvent | null>;
  declare readonly api: Api;

  readonly #session: Session;
  readonly #connection: Connection;
  readonly #list: ConversationList;
  readonly #outbox: Outbox;
  readonly #waiting = new Cell<OutboxState>({ waiting: 0 });
  readonly #event = new Cell<ServerEvent | null>(null);
  readonly #announcements = new Cell<readonly string[]>([]);
  readonly #patience = new Patience();
  readonly #rest: Rest;
  readonly #views = new Map<string, ConversationView>();
  readonly #asking = new Set<ConversationView>();
  readonly #ends = new AbortController();
  #me: string | null = null;

  constructor(options: ParleyClientOptions = {}) {
    const base = (options.baseUrl ?? globalThis.location?.origin ?? "").replace(/\/+$/, "");
    if (base === "") throw new TypeError("ParleyClient needs a baseUrl.");
    const Socket = options.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new TypeError("This runtime has no WebSocket.");
    this.#rest = new Rest(base, options.fetch ?? globalThis.fetch.bind(globalThis), options.slot);
    this.#session = new Session(this.#rest, this.#patience);
    this.#list = new ConversationList(this.#rest, this.#patience);
    this.#outbox = new Outbox(options.storage ?? new MemoryStorage(), {
      send: (frame) => this.send(frame),
      changed: (id) => {
        this.#waiting.patch({ waiting: this.#outbox.waiting });
        this.#views.get(id)?.publish();
      },
      doubt: () => this.#connection.doubt(),
    });
    const events = {
      onOnline: () => this.#online(),
      onOffline: () => this.#offline(),
      onEvent: (event: ServerEvent) => {
        this.#take(event, false);
        this.#event.set(event);
      },
    };
    const url = `${base.replace(/^http/, "ws")}/ws`;
    this.#connection = new Connection(url, Socket, this.#session, events, options.device);
    this.session = this.#session.store;
    this.connection = this.#connection.store;
    this.conversations = this.#list.store;
    this.outbox = this.#waiting;
    this.announcements = this.#announcements;
    this.event = this.#event;
    this.api = restApi(this.#rest, {
      conversation: (conversation) => this.#list.put(conversation),
      gone: (id) => this.#gone(id, "left"),
      profile: (me) => this.#session.profile(me),
      erased: () => this.#session.end(new ParleyError("UNAUTHORIZED", "This account was erased.")),
    });
    this.#session.store.subscribe(() => this.#person());
    this.#list.store.subscribe(() => {
      for (const view of this.#views.values()) {
        const conversation = this.#list.get(view.id);
        if (conversation && conversation !== view.store.getSnapshot().conversation) view.publish();
      }
    });
    this.#listen();
  }

  /** Signs in again by the refresh cookie, if there is one. Never rejects: see `session`. */
  restore(): Promise<void> {
    return this.#session.restore();
  }

  /** Rejects with a ParleyError, as `login` does. */
  register(account: Credentials & { displayName?: string }): Promise<void> {
    return this.#session.enter("/auth/register", account);
  }

  /** Makes the account that owns the server, by the token of its one-time link. Rejects as `login` does. */
  registerOwner(token: string, account: Credentials & { displayName?: string }): Promise<void> {
    return this.#session.enter("/auth/owner", { ...account, token });
  }

  login(credentials: Credentials): Promise<void> {
    return this.#session.enter("/auth/login", credentials);
  }

  /** Ends the login. Never rejects; unsent messages stay in the storage for this person's next login. */
  logout(): Promise<void> {
    return this.#session.leave();
  }

  /** Connects without waiting for the backoff. */
  reconnectNow(): void {
    this.#connection.reconnectNow();
  }

  /** Sends a frame of the protocol; false when there is no connection. */
  send(frame: object): boolean {
    return this.#connection.send(frame);
  }

  /** A REST call as this person, `path` without `/api`. Rejects with a ParleyError. */
  call<T>(method: string, path: string, call?: Call): Promise<T> {
    return this.#rest.call(method, path, call);
  }

  /** Whether the person is active on this device, as the next heartbeats say it. */
  set activity(activity: "online" | "away") {
    this.#connection.activity = activity;
  }

  /** Loads the next page of the list, or the first again if that failed. */
  loadMoreConversations(): Promise<void> {
    return this.#list.loadMore();
  }

  /** The same handle for the same id, as long as one person is signed in. */
  conversation(id: string): ConversationHandle {
    let view = this.#views.get(id);
    if (!view) {
      view = new ConversationView(id, this.#doors());
      this.#views.set(id, view);
    }
    return view;
  }

  /** Stops everything for good: timers, listeners, the socket. */
  dispose(): void {
    this.#ends.abort();
    this.#session.dispose();
    this.#leave();
  }

  #doors(): ConversationDoors {
    return {
      me: this.#me ?? "",
      rest: this.#rest,
      patience: this.#patience,
      list: this.#list,
      outbox: this.#outbox,
      send: (frame) => this.send(frame),
      subscribe: (view) => this.#ask(view),
      change: (event) => this.#take(event, true),
    };
  }

  /** Somebody signed in or out. */
  #person(): void {
    const id = this.session.getSnapshot().user?.id ?? null;
    if (id === this.#me) return;
    this.#leave();
    this.#me = id;
    if (id === null) return;
    void this.#outbox.load(id);
    void this.#list.reload();
    this.#connection.start();
  }

  #leave(): void {
    this.#me = null;
    this.#connection.stop();
    for (const view of this.#views.values()) view.dispose();
    this.#views.clear();
    this.#asking.clear();
    this.#outbox.unload();
    this.#waiting.patch({ waiting: 0 });
    this.#announcements.set([]);
    this.#list.reset();
  }

  #online(): void {
    this.#patience.wake();
    for (const view of this.#views.values()) {
      view.online();
      view.ask();
    }
    this.#flushAsking();
    // Conversations that came, went or moved while nobody told.
    void this.#list.reload();
    this.#outbox.flush();
  }

  #offline(): void {
    this.#asking.clear();
    for (const view of this.#views.values()) view.away();
    this.#outbox.offline();
  }

  /** All that ask in one turn of the event loop share a frame. */
  #ask(view: ConversationView): void {
    if (!this.#connection.online) return;
    if (this.#asking.size === 0) queueMicrotask(() => this.#flushAsking());
    this.#asking.add(view);
  }

  #flushAsking(): void {
    const asking = [...this.#asking].filter((view) => view.afterRev !== null);
    this.#asking.clear();
    for (let i = 0; i < asking.length; i += maxSubscribe) {
      const views = asking.slice(i, i + maxSubscribe);
      const conversations = views.map((view) => ({ conversationId: view.id, afterRev: view.afterRev }));
      if (this.send({ type: "subscribe", conversations })) for (const view of views) view.asked();
    }
  }

  /** Takes in an event of the socket, or a change that was read over REST. */
  #take(event: ServerEvent, read: boolean): void {
    const view = "conversationId" in event ? this.#views.get(event.conversationId) : undefined;
    switch (event.type) {
      case "message:received":
      case "message:updated":
      case "message:deleted":
        this.#message(event, read);
        break;
      case "message:sent":
        this.#sent(event, view);
        break;
      case "message:error":
        this.#outbox.refuse(event.clientMessageId, errorOf(event));
        break;
      case "message:delivered":
      case "receipt:updated":
      case "receipt:count":
        view?.receipt(event);
        break;
      case "typing:started":
      case "typing:stopped":
        view?.typed(event.userId, event.type === "typing:started");
        break;
      case "subscribed":
        view?.subscribed(event.lastRev, event.hasMore);
        break;
      case "caught:up":
        view?.caughtUp(event.rev);
        break;
      case "conversation:added":
        this.#list.put(event.conversation);
        if (event.conversation.unreadCount === undefined) this.#list.refresh(event.conversation.id);
        this.#views.get(event.conversation.id)?.returned();
        break;
      case "conversation:updated":
        if (this.#list.get(event.conversationId)) this.#list.put(event.conversation);
        view?.change(event.rev, null, read);
        break;
      case "conversation:removed":
        this.#gone(event.conversationId, event.reason);
        break;
      case "conversation:activity":
        this.#list.activity(event);
        break;
      case "receipt:synced":
        if (view) view.synced(event);
        else this.#list.read(event);
        break;
      case "system:announcement":
        this.#announcements.set([...this.#announcements.getSnapshot(), event.text]);
        break;
      case "error":
        if (event.ref === undefined) break;
        if (event.code === "NOT_IN_CONVERSATION") this.#gone(event.ref, "removed");
        else this.#views.get(event.ref)?.refused(errorOf(event));
        break;
    }
  }

  #message({ message }: MessageEvent, read: boolean): void {
    this.#list.message(message, this.#me ?? "");
    this.#views.get(message.conversationId)?.change(message.rev, message, read);
    if (message.senderId === this.#me) this.#outbox.confirm(message.clientMessageId);
  }

  #sent(event: SentEvent, view: ConversationView | undefined): void {
    const entry = this.#outbox.entry(event.clientMessageId);
    if (!entry) return;
    const { messageId: id, seq, rev, timestamp: createdAt } = event;
    const message = messageOf(entry.row, { id, seq, rev, createdAt });
    this.#list.message(message, this.#me ?? "");
    view?.confirmed(message, entry.doubt);
    this.#outbox.confirm(event.clientMessageId);
  }

  #gone(id: string, reason: string): void {
    this.#list.remove(id);
    this.#views.get(id)?.removed(reason);
  }

  /** A page that wakes up, or whose network is back, does not wait for a timer. */
  #listen(): void {
    const { signal } = this.#ends;
    const wake = () => {
      this.#patience.wake();
      this.#connection.wake();
    };
    globalThis.addEventListener?.("online", wake, { signal });
    globalThis.document?.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake(), {
      signal,
    });
  }
}
