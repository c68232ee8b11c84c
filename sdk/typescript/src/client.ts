import type { Api } from "./api.js";
import type { OutboxStorage } from "./outbox-storage.js";
import type { Store } from "./store.js";
import type { ConnectionState, ConversationListState, ConversationViewState, SessionState } from "./views.js";

export interface ParleyClientOptions {
  /** Where the server is, such as `https://chat.example.org`; the page's own origin by default. */
  baseUrl?: string;
  /** Where unsent messages survive a reload; by default they live in memory only. */
  storage?: OutboxStorage;
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
  /** Loads the page of history above; resolves when it has come or failed, and never rejects. */
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

/** A person's connection to one server. */
export declare class ParleyClient {
  constructor(options?: ParleyClientOptions);
  readonly session: Store<SessionState>;
  readonly connection: Store<ConnectionState>;
  readonly conversations: Store<ConversationListState>;
  readonly api: Api;
  /** Signs in again by the refresh cookie, if there is one. Never rejects: see `session`. */
  restore(): Promise<void>;
  /** Rejects with a ParleyError, as `login` does. */
  register(account: Credentials & { displayName?: string }): Promise<void>;
  login(credentials: Credentials): Promise<void>;
  /** Ends the login. Never rejects; unsent messages stay in the storage for this person's next login. */
  logout(): Promise<void>;
  /** Connects without waiting for the backoff. */
  reconnectNow(): void;
  loadMoreConversations(): Promise<void>;
  /** The same handle for the same id. */
  conversation(id: string): ConversationHandle;
  /** Stops everything for good: timers, listeners, the socket. */
  dispose(): void;
}
