import { type Code, ParleyError } from "../errors.js";
import type { DeviceType, Message } from "../shapes.js";
import { FakeFriends } from "./fake-friends.js";
import { FakePresence } from "./fake-presence.js";
import { answer, type CookieJar, type FakeRequest, problem } from "./fake-rest.js";
import { FakeSession, FakeSocket } from "./fake-socket.js";
import { type FakeChange, type FakeConversation, type FakePerson, FakeStore } from "./fake-store.js";

export type { CookieJar, FakeRequest } from "./fake-rest.js";
export type { FakeChange, FakeConversation, FakePerson } from "./fake-store.js";
export { FakeSession, FakeStore, problem };

type Frame = Record<string, unknown> & { type: string };

/** What a client of a {@link FakeServer} is built with: one browser, with its own cookie. */
export interface FakeBrowser {
  readonly baseUrl: string;
  readonly fetch: typeof fetch;
  readonly WebSocket: typeof WebSocket;
}

/**
 * A Parley server in memory, for tests: the message path, with faults on demand. It uses timers only, so that
 * fake timers drive it. Registering, searching, conversations, history, changes and the socket behave as the
 * server's do, and presence, friends and blocks; limits and roles are left out.
 */
export class FakeServer {
  readonly baseUrl = "http://parley.test";
  readonly store = new FakeStore();
  readonly sessions = new Set<FakeSession>();
  readonly friends = new FakeFriends(this);
  readonly presence = new FakePresence(this);
  /** Every frame that arrived, with who sent it. */
  readonly received: { userId: string | null; frame: Frame }[] = [];

  /** Milliseconds that a request, an answer or a frame takes. */
  latency: () => number = () => 5;
  /** Milliseconds that an event takes through the fan-out before it is sent. */
  hubDelay: () => number = () => 0;
  /** Seconds that an access token is good for. */
  tokenSeconds = 900;
  /** From how many people on a conversation tells how many have read, and not who. */
  readThreshold = 10;
  /** The most changes of one catch-up over the socket. */
  maxCatchUp = 1000;
  /** False: nothing can be reached. */
  reachable = true;
  /** True: connections stay open and nothing comes through, as with a pulled cable. */
  frozen = false;
  /** Whether an event is lost between a commit and a socket. */
  loses: (change: FakeChange) => boolean = () => false;
  /** What the next messages are refused with, the first first. */
  readonly refusals: (Partial<Frame> & { code: Code })[] = [];
  /** What stands between: answers a request in the server's place, as a proxy may, unless it returns null. */
  between: (request: FakeRequest) => Response | null = () => null;

  readonly #logins = new Map<string, string>();
  readonly #tokens = new Map<string, { userId: string; login: string; expires: number }>();

  /** A browser with its own cookie jar. Hand the same jar to two browsers and they are two tabs of one. */
  browser(jar: CookieJar = {}): FakeBrowser {
    const server = this;
    class Socket extends FakeSocket {
      constructor() {
        super(server);
      }
    }
    const fetcher = (input: string, init: RequestInit = {}) => this.#fetch(input, init, jar);
    return { baseUrl: this.baseUrl, fetch: fetcher as typeof fetch, WebSocket: Socket as unknown as typeof WebSocket };
  }

  /** Opens a conversation; the first of a group owns it. */
  converse(type: "direct" | "group", people: string[], title: string | null = null): FakeConversation {
    const c = this.store.create(type, people, title);
    for (const person of people) {
      this.tell(person, { type: "conversation:added", conversation: this.store.view(c, person) });
    }
    this.presence.update();
    return c;
  }

  /** Stores a message as if its sender had sent it from elsewhere. */
  post(c: FakeConversation, senderId: string, content: string, clientMessageId = this.store.id()): Message {
    const { message, again } = this.store.append(c, senderId, clientMessageId, content);
    if (again) return message;
    this.#announce(this.store.messageChange(c, message));
    this.#tellReading(c, senderId);
    return message;
  }

  /** Edits a message, or deletes it with null. Null when it is not there. */
  revise(c: FakeConversation, messageId: string, content: string | null): Message | null {
    const message = this.store.revise(c, messageId, content);
    if (message) this.#announce(this.store.messageChange(c, message));
    return message;
  }

  /** Tells of a change to the conversation itself that the caller made. */
  announceRoster(c: FakeConversation): void {
    this.#announce(this.store.rosterChange(c, this.store.reviseRoster(c)));
  }

  /** Takes somebody in, as `expel` takes somebody out. */
  admit(c: FakeConversation, userId: string): void {
    const wasLarge = this.#isLarge(c);
    c.people.push(userId);
    this.tell(userId, { type: "conversation:added", conversation: this.store.view(c, userId) });
    this.announceRoster(c);
    this.#crossed(c, wasLarge);
  }

  /** When a conversation crosses the threshold, all are told how far the others are in the other way. */
  #crossed(c: FakeConversation, wasLarge: boolean): void {
    if (this.#isLarge(c) === wasLarge) return;
    for (const session of this.sessions) {
      if (!session.subscribed.has(c.id)) continue;
      for (const frame of this.receipts(c, session.userId as string)) session.send(frame);
    }
  }

  /** Takes somebody out of a conversation. */
  expel(c: FakeConversation, userId: string, reason = "removed"): void {
    const wasLarge = this.#isLarge(c);
    c.people = c.people.filter((person) => person !== userId);
    c.read.delete(userId);
    c.steps = c.steps.filter((step) => step.userId !== userId);
    for (const session of this.sessions) if (session.userId === userId) session.subscribed.delete(c.id);
    this.tell(userId, { type: "conversation:removed", conversationId: c.id, reason });
    this.announceRoster(c);
    this.#crossed(c, wasLarge);
  }

  /** Sends an event to all sockets of a person. */
  tell(userId: string, frame: Frame): void {
    for (const session of this.sessions) if (session.userId === userId) session.send(frame);
  }

  /** Breaks all connections: what is under way is lost. */
  cut(): void {
    for (const session of [...this.sessions]) session.cut();
  }

  /** Closes all connections with a code. */
  close(code: number): void {
    for (const session of [...this.sessions]) session.close(code);
  }

  accepts(): boolean {
    return this.reachable && !this.frozen;
  }

  beginLogin(userId: string): string {
    const login = this.store.id();
    this.#logins.set(login, userId);
    return login;
  }

  loginOf(login: string | null): string | undefined {
    return login === null ? undefined : this.#logins.get(login);
  }

  endLogin(login: string): void {
    this.#logins.delete(login);
    for (const [token, { login: of }] of this.#tokens) if (of === login) this.#tokens.delete(token);
  }

  /** Makes an access token. */
  mint(userId: string, login: string): string {
    const token = `token-${this.store.id()}`;
    this.#tokens.set(token, { userId, login, expires: Date.now() + this.tokenSeconds * 1000 });
    return token;
  }

  /** Makes every access token expire now; refreshing helps. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  verify(token: string): string | null {
    const known = this.#tokens.get(token);
    return known && known.expires > Date.now() ? known.userId : null;
  }

  /** Takes a frame from a socket. */
  receive(session: FakeSession, frame: Frame): void {
    this.received.push({ userId: session.userId, frame });
    if (frame.type === "auth") this.#authenticate(session, frame);
    else if (session.userId === null) session.close(4401);
    else if (frame.type === "subscribe") {
      const all = (frame.conversations ?? [frame]) as { conversationId: string; afterRev?: number }[];
      for (const { conversationId, afterRev } of all) {
        const c = this.#of(session, conversationId);
        if (c) session.subscribe(c, afterRev);
        else session.send(this.#problem("NOT_IN_CONVERSATION", conversationId));
      }
    } else if (frame.type === "presence:heartbeat") this.presence.beat(session, frame.status);
    else if (frame.type === "presence:set") this.presence.set(session, frame.status);
    else if (frame.type === "presence:subscribe" || frame.type === "presence:unsubscribe") {
      this.presence.follow(session, frame.userIds as string[], frame.type === "presence:subscribe");
    } else this.#about(session, frame);
  }

  /** Takes a frame that is about one conversation. */
  #about(session: FakeSession, frame: Frame): void {
    const c = this.#of(session, String(frame.conversationId));
    if (c) {
      this.#act(session, c, frame);
      return;
    }
    const problem = this.#problem("NOT_IN_CONVERSATION", String(frame.conversationId));
    const { clientMessageId } = frame;
    session.send(
      clientMessageId ? { ...problem, type: "message:error", clientMessageId, outcome: "rejected" } : problem,
    );
  }

  #act(session: FakeSession, c: FakeConversation, frame: Frame): void {
    const userId = session.userId as string;
    const conversationId = c.id;
    switch (frame.type) {
      case "unsubscribe":
        session.subscribed.delete(c.id);
        session.send({ type: "unsubscribed", conversationId });
        break;
      case "message:send":
        this.#sendMessage(session, c, frame);
        break;
      case "message:ack": {
        const upToSeq = Math.max(Number(frame.seq), c.delivered.get(userId) ?? 0);
        c.delivered.set(userId, upToSeq);
        if (!this.#isLarge(c)) this.#others(c, userId, { type: "message:delivered", conversationId, userId, upToSeq });
        break;
      }
      case "typing:start":
      case "typing:stop": {
        if (this.store.people.get(userId)?.presenceInvisible) break;
        const type = frame.type === "typing:start" ? "typing:started" : "typing:stopped";
        this.#others(c, userId, { type, conversationId, userId });
        break;
      }
      case "receipt:read":
      case "receipt:sync": {
        const message = c.messages.find((m) => m.id === (frame.messageId ?? frame.lastReadMessageId));
        if (message && this.store.advance(c, userId, message.seq)) this.#tellReading(c, userId);
        const { unreadCount, lastReadMessageId, lastReadSeq } = this.store.view(c, userId);
        const lastReadAt = c.steps.findLast((step) => step.userId === userId)?.readAt ?? null;
        const state = { unreadCount, lastReadMessageId, lastReadSeq, lastReadAt };
        this.tell(userId, { type: "receipt:synced", conversationId, ...state });
      }
    }
  }

  /** How far the others are, as it is told after a subscribe and when a conversation crosses its threshold (C6.3). */
  receipts(c: FakeConversation, viewer: string): Frame[] {
    if (this.#isLarge(c)) return [this.#counts(c)];
    return c.people.flatMap((userId) => {
      if (userId === viewer) return [];
      const upToSeq = c.delivered.get(userId) ?? 0;
      const delivered = { type: "message:delivered", conversationId: c.id, userId, upToSeq };
      return [this.#position(c, userId), ...(upToSeq > 0 ? [delivered] : [])];
    });
  }

  /** Changes a person as they ask for it; who hides their reading is taken back at once (C6.6). */
  edit(userId: string, part: Partial<FakePerson>): void {
    const person = this.store.people.get(userId) as FakePerson;
    this.store.people.set(userId, { ...person, ...part });
    this.presence.update();
    if (part.readReceiptsEnabled === undefined) return;
    for (const c of this.store.conversations.values()) if (c.people.includes(userId)) this.#tellReading(c, userId);
  }

  #isLarge(c: FakeConversation): boolean {
    return c.people.length >= this.readThreshold;
  }

  #tellReading(c: FakeConversation, userId: string): void {
    this.#others(c, userId, this.#isLarge(c) ? this.#counts(c) : this.#position(c, userId));
  }

  #position(c: FakeConversation, userId: string): Frame {
    const hidden = this.store.people.get(userId)?.readReceiptsEnabled === false;
    const step = hidden ? undefined : c.steps.findLast((s) => s.userId === userId);
    const { seq = 0, readAt = null } = step ?? {};
    const messageId = c.messages[seq - 1]?.id ?? null;
    return { type: "receipt:updated", conversationId: c.id, userId, messageId, seq, readAt };
  }

  #counts(c: FakeConversation): Frame {
    const counts = c.messages.slice(-50).map((m) => ({ messageId: m.id, readCount: this.store.readers(c, m).length }));
    return { type: "receipt:count", conversationId: c.id, counts };
  }

  #authenticate(session: FakeSession, frame: Frame): void {
    const userId = this.verify(String(frame.token));
    if (!userId) {
      session.send({ type: "auth:error", error: "The token has expired.", code: "AUTH_FAILED" });
      session.close(4401);
      return;
    }
    const again = session.userId !== null;
    session.userId = userId;
    const expiresAt = new Date(Date.now() + this.tokenSeconds * 1000).toISOString();
    session.send({ type: "auth:success", userId, sessionId: session.id, serverId: "fake", expiresAt });
    if (!again) this.presence.arrive(session, frame.deviceType as DeviceType | undefined);
  }

  #sendMessage(session: FakeSession, c: FakeConversation, frame: Frame): void {
    const clientMessageId = String(frame.clientMessageId);
    const apart = c.type === "direct" && this.friends.apart(c.people[0] as string, c.people[1] as string);
    const refusal = apart ? { code: "FORBIDDEN" as const } : this.refusals.shift();
    if (refusal) {
      const { retryable } = new ParleyError(refusal.code);
      const more = { error: refusal.code, outcome: "rejected", retryable, ...refusal };
      session.send({ ...more, type: "message:error", clientMessageId });
      return;
    }
    const sent = this.store.append(c, session.userId as string, clientMessageId, String(frame.content));
    const { message, again } = sent;
    const { id: messageId, createdAt: timestamp, seq, rev } = message;
    const answered = { clientMessageId, messageId, status: "delivered", timestamp, conversationId: c.id, seq, rev };
    session.send({ ...answered, type: "message:sent" });
    if (again) return;
    this.#announce(this.store.messageChange(c, message, session.id));
    this.#tellReading(c, message.senderId);
  }

  #announce(change: FakeChange): void {
    const { conversation: c } = change;
    for (const session of this.sessions) {
      const { userId } = session;
      if (userId === null || !c.people.includes(userId)) continue;
      session.hand(change);
      if (session.subscribed.has(c.id)) continue;
      if (change.event.type === "conversation:updated") session.send(change.event);
      else {
        const { senderId, content, createdAt: timestamp } = c.messages.at(-1) as Message;
        const last = { lastSeq: c.messages.length, senderId, timestamp, preview: content.slice(0, 100) };
        const unreadCount = this.store.unread(c, userId);
        session.send({ type: "conversation:activity", conversationId: c.id, ...last, unreadCount });
      }
    }
  }

  #others(c: FakeConversation, userId: string, frame: Frame): void {
    for (const session of this.sessions) {
      if (session.userId !== userId && session.subscribed.has(c.id)) session.send(frame);
    }
  }

  #of(session: FakeSession, conversationId: string): FakeConversation | undefined {
    const c = this.store.conversations.get(conversationId);
    return c?.people.includes(session.userId ?? "") ? c : undefined;
  }

  #problem(code: Code, ref: string): Frame {
    return { type: "error", error: code, code, retryable: new ParleyError(code).retryable, ref };
  }

  async #fetch(input: string, init: RequestInit, jar: CookieJar): Promise<Response> {
    const url = new URL(input);
    const headers = new Headers(init.headers);
    const slot = headers.get("Parley-Slot");
    await this.#pass(init.signal);
    const request: FakeRequest = {
      method: init.method ?? "GET",
      path: url.pathname,
      query: url.searchParams,
      body: init.body ? JSON.parse(String(init.body)) : {},
      authorization: headers.get("Authorization"),
      cookie: slot === null ? "refresh" : `refresh_${slot}`,
    };
    const response = this.between(request) ?? answer(this, request, jar);
    await this.#pass(init.signal);
    return response;
  }

  /** One way through the network. */
  async #pass(signal: AbortSignal | null | undefined): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const lost = () => reject(new TypeError("fetch failed"));
      if (signal?.aborted) lost();
      signal?.addEventListener("abort", lost);
      if (this.frozen) return;
      setTimeout(() => (this.reachable ? resolve() : lost()), this.latency());
    });
  }
}
