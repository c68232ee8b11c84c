import type { FakeServer } from "./fake-server.js";
import type { FakeChange, FakeConversation } from "./fake-store.js";

type Frame = Record<string, unknown> & { type: string };

/** The browser's end of a socket to a {@link FakeServer}. */
export class FakeSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readyState = 0;
  bufferedAmount = 0;
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: ((close: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #server: FakeServer;
  readonly #end: FakeSession;

  constructor(server: FakeServer) {
    this.#server = server;
    this.#end = new FakeSession(server, this);
    setTimeout(() => {
      if (this.readyState !== 0) return;
      if (!server.accepts()) {
        this.finish(1006, "");
        return;
      }
      this.readyState = 1;
      server.sessions.add(this.#end);
      this.onopen?.();
    }, server.latency());
  }

  send(data: string): void {
    if (this.readyState !== 1) return;
    if (this.#server.frozen) return;
    this.#end.inbound(JSON.parse(data) as Frame);
  }

  close(): void {
    if (this.readyState >= 2) return;
    this.#end.gone();
    this.finish(1000, "");
  }

  /** The connection ended: by the server's close code, or 1006 when it was cut. */
  finish(code: number, reason: string): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }
}

/** The server's end. Frames keep their order in each direction, whatever the latency. */
export class FakeSession {
  readonly id: string;
  userId: string | null = null;
  /** By conversation: the `rev` that was delivered. */
  readonly subscribed = new Map<string, number>();
  readonly #server: FakeServer;
  readonly #socket: FakeSocket;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #due = { in: 0, out: 0, hub: 0 };
  #ended = false;

  constructor(server: FakeServer, socket: FakeSocket) {
    this.#server = server;
    this.#socket = socket;
    this.id = server.store.id();
  }

  inbound(frame: Frame): void {
    this.#later("in", this.#server.latency(), () => this.#server.receive(this, frame));
  }

  send(frame: Frame): void {
    if (this.#server.frozen) return;
    const data = JSON.stringify(frame);
    this.#later("out", this.#server.latency(), () => this.#socket.onmessage?.({ data }));
  }

  /** Gives a change to the fan-out, which is slower than an answer: a confirmation may overtake it. */
  hand(change: FakeChange): void {
    this.#later("hub", this.#server.hubDelay(), () => {
      const id = change.conversation.id;
      const rev = this.subscribed.get(id);
      if (rev === undefined || change.rev <= rev || this.#server.loses(change)) return;
      this.subscribed.set(id, change.rev);
      if (change.origin !== this.id) this.send(change.event);
    });
  }

  /** Sends what changed past `afterRev`, then goes live (C3.3). */
  subscribe(conversation: FakeConversation, afterRev: number | undefined): void {
    this.#later("hub", this.#server.hubDelay(), () => {
      const { id: conversationId, lastRev, messages } = conversation;
      const all = this.#server.store.changes(conversation, afterRev ?? lastRev);
      const sent = all.slice(0, this.#server.maxCatchUp);
      const hasMore = sent.length < all.length;
      this.subscribed.set(conversationId, lastRev);
      this.send({ type: "subscribed", conversationId, lastSeq: messages.length, lastRev, hasMore });
      for (const change of sent) this.send(change.event);
      this.send({ type: "caught:up", conversationId, rev: hasMore ? (sent.at(-1)?.rev ?? 0) : lastRev });
      for (const frame of this.#server.receipts(conversation, this.userId as string)) this.send(frame);
    });
  }

  /** Closes with a code, after what was sent before. */
  close(code: number, reason = ""): void {
    this.#later("out", this.#server.latency(), () => {
      this.gone();
      this.#socket.finish(code, reason);
    });
  }

  /** Breaks the connection: what is under way in either direction is lost. */
  cut(): void {
    this.gone();
    this.#socket.finish(1006, "");
  }

  gone(): void {
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#server.sessions.delete(this);
    this.#server.presence.leave(this);
  }

  #later(way: "in" | "out" | "hub", delay: number, act: () => void): void {
    if (this.#ended) return;
    const due = Math.max(this.#due[way], Date.now() + delay);
    this.#due[way] = due;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, due - Date.now());
    this.#timers.add(timer);
  }
}
