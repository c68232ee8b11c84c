import { backoff } from "./backoff.js";
import { asParleyError, errorOf, isSignedOut, ParleyError } from "./errors.js";
import { parseEvent, type ServerEvent } from "./events.js";
import type { Session } from "./session.js";
import { Cell } from "./store.js";
import type { ConnectionState, Device } from "./views.js";

/** How long the opening handshake and the answer to `auth` may take together. */
const openWithin = 10_000;
/** How often the server hears from this client (C4.4). */
const heartbeatEvery = 15_000;
/** After this long without a frame the server is asked for one; browsers do not show the server's pings. */
const quiet = 25_000;
/** How long it then has, so that a dead connection is noticed 40 s after its last frame. */
const answerWithin = 15_000;
/** How long it has when there is reason to doubt: after sleep, a change of network, bytes that do not leave. */
const doubtWithin = 5_000;
/** A connection that lasted this long was a good one: the backoff begins anew. */
const healthyAfter = 30_000;

/**
 * What the client does after a close code (C4.9): `again` connects again, `renew` gets a fresh token first,
 * `ended` is the end of the login, `fault` is a protocol fault, after which trying again would not help.
 */
export function afterClose(code: number): "again" | "renew" | "ended" | "fault" {
  if (code === 4403) return "ended";
  if (code >= 4400 && code <= 4402) return "renew";
  if (code === 1002 || code === 1003 || (code >= 1007 && code <= 1009)) return "fault";
  return "again";
}

export interface ConnectionEvents {
  onOnline(): void;
  /** The socket that was online is gone: what was in flight on it has no answer. */
  onOffline(): void;
  onEvent(event: ServerEvent): void;
}

/** One person's socket: idle → connecting → online → backoff or offline → connecting …, or closed. */
export class Connection {
  readonly store = new Cell<ConnectionState>({ state: "idle", retryAt: null, reason: null });
  readonly #url: string;
  readonly #Socket: typeof WebSocket;
  readonly #session: Session;
  readonly #events: ConnectionEvents;
  readonly #device: Device | undefined;
  /** What the heartbeat says of the person on this device (C7.1). */
  activity: "online" | "away" = "online";

  #socket: WebSocket | null = null;
  /** Changes with every attempt and stop, so that a token that comes late is not used. */
  #turn = 0;
  #failures = 0;
  #live = false;
  /** The token last sent, and the one that the server refused. */
  #used = "";
  #refused: string | null = null;
  /** Before this time the server does not want to see us, in milliseconds since 1970. */
  #notBefore = 0;
  #lastFrame = 0;
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #healthyTimer: ReturnType<typeof setTimeout> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  /** The node of this connection leaves, and closes it at `notBefore`. */
  #leaving = false;
  #probe: { timer: ReturnType<typeof setTimeout>; due: number } | null = null;

  constructor(url: string, socket: typeof WebSocket, session: Session, events: ConnectionEvents, device?: Device) {
    this.#url = url;
    this.#Socket = socket;
    this.#session = session;
    this.#events = events;
    this.#device = device;
  }

  get online(): boolean {
    return this.#live;
  }

  start(): void {
    this.#failures = 0;
    this.#notBefore = 0;
    if (!this.#socket) void this.#connect();
  }

  stop(): void {
    this.#letGo();
    this.#show("idle");
  }

  /** Connects without waiting for the backoff, though not sooner than the server allows. */
  reconnectNow(): void {
    const { state, reason } = this.store.getSnapshot();
    if (state === "online") this.doubt();
    else if (state !== "idle" && state !== "connecting") {
      const wait = this.#notBefore - Date.now();
      if (wait > 0) this.#retryIn(wait, reason);
      else void this.#connect();
    }
  }

  /** The device woke up, or its network changed. What was given up stays so. */
  wake(): void {
    if (this.store.getSnapshot().state !== "closed") this.reconnectNow();
  }

  /** Sends a frame; false when it could not be. */
  send(frame: object): boolean {
    if (!this.online || this.#socket?.readyState !== 1) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Asks the server for a sign of life, soon: something that should have come did not. */
  doubt(): void {
    this.#ask(doubtWithin);
  }

  async #connect(): Promise<void> {
    this.#letGo();
    const turn = this.#turn;
    this.store.patch({ state: "connecting", retryAt: null });
    let token: string;
    try {
      token = await (this.#refused === null ? this.#session.fresh() : this.#session.renew(this.#refused));
    } catch (thrown) {
      const error = asParleyError(thrown);
      // A refused refresh has ended the session, and that stopped this connection: it is another turn.
      if (turn === this.#turn) this.#fail(error.message, error.retryAfterMs);
      return;
    }
    if (turn !== this.#turn) return;
    this.#refused = null;
    this.#used = token;
    let socket: WebSocket;
    try {
      socket = new this.#Socket(this.#url, "chat.v1");
    } catch (thrown) {
      this.#giveUp(String(thrown));
      return;
    }
    this.#socket = socket;
    this.#openTimer = setTimeout(() => this.#lost(socket), openWithin);
    socket.onopen = () => socket.send(JSON.stringify({ type: "auth", token, status: this.activity, ...this.#device }));
    socket.onmessage = ({ data }) => {
      if (socket === this.#socket) this.#receive(data);
    };
    // The close that follows says it all. Some sockets throw when nobody listens, even after they were let go.
    socket.onerror = () => {};
    socket.onclose = ({ code, reason }) => this.#closed(socket, code, reason);
  }

  #receive(data: unknown): void {
    this.#lastFrame = Date.now();
    clearTimeout(this.#probe?.timer);
    this.#probe = null;
    const event = parseEvent(data);
    switch (event?.type) {
      case undefined:
        return;
      case "auth:success":
        if (!this.online) this.#enter();
        return;
      case "auth:error": {
        const error = errorOf(event);
        if (isSignedOut(error)) this.#refused = this.#used;
        // What the server says of this client will be no other with another token.
        else if (!error.retryable) this.#giveUp(error.message);
        this.#refuse(event.retryAfterMs);
        return;
      }
      case "auth:expiring":
        void this.#authenticate(true);
        return;
      case "system:draining":
        this.#leaving = true;
        this.#refuse(event.reconnectInMs);
        break;
      case "error":
        if (event.ref === undefined && errorOf(event).retry === "wait") this.#refuse(event.retryAfterMs);
        break;
    }
    this.#events.onEvent(event as ServerEvent);
  }

  #refuse(retryAfterMs: number | undefined): void {
    if (retryAfterMs) this.#notBefore = Date.now() + retryAfterMs;
  }

  #enter(): void {
    clearTimeout(this.#openTimer);
    this.#healthyTimer = setTimeout(() => {
      this.#failures = 0;
    }, healthyAfter);
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatEvery);
    this.#live = true;
    this.#show("online");
    this.#events.onOnline();
  }

  #beat(): void {
    const stuck = (this.#socket?.bufferedAmount ?? 0) > 0;
    this.send({ type: "presence:heartbeat", status: this.activity });
    const silence = Date.now() - this.#lastFrame;
    // A silence that is too long already means that the timers slept: the connection may be well.
    if (stuck || silence > quiet + answerWithin) this.doubt();
    else if (silence >= quiet) this.#ask(answerWithin - (silence - quiet));
  }

  /**
   * An `auth` with the token at hand is answered on any connection (C4.3), which makes it a ping that a
   * browser can send. Any frame that comes is a sign of life.
   */
  #ask(within: number): void {
    const socket = this.#socket;
    if (!socket || !this.online) return;
    const due = Date.now() + within;
    if (this.#probe && this.#probe.due <= due) return;
    if (this.#probe) clearTimeout(this.#probe.timer);
    else void this.#authenticate(false);
    this.#probe = { due, timer: setTimeout(() => this.#lost(socket), within) };
  }

  async #authenticate(renew: boolean): Promise<void> {
    const turn = this.#turn;
    try {
      const token = await (renew ? this.#session.renew(this.#used) : this.#session.fresh());
      if (turn !== this.#turn) return;
      this.#used = token;
      this.send({ type: "auth", token });
    } catch {
      // If this goes on, the server closes with 4401 and the next connection begins with a refresh.
    }
  }

  #lost(socket: WebSocket): void {
    this.#closed(socket, 1006, "The server did not answer.");
  }

  #closed(socket: WebSocket, code: number, why: string): void {
    if (socket !== this.#socket) return;
    const reason = why || "The connection was lost.";
    const leaving = this.#leaving;
    const wait = Math.max(0, this.#notBefore - Date.now());
    this.#letGo();
    const verdict = afterClose(code);
    if (verdict === "ended") {
      this.stop();
      this.#session.end(new ParleyError("AUTH_FAILED", why || undefined));
    } else if (verdict === "fault") {
      this.#giveUp(reason);
    } else if (leaving) {
      // The leaving node spreads its clients over time. That is no failure.
      this.#retryIn(wait, reason);
    } else {
      if (verdict === "renew") this.#refused = this.#used;
      this.#fail(reason, wait);
    }
  }

  #fail(reason: string, atLeast = 0): void {
    this.#notBefore = Date.now() + atLeast;
    this.#retryIn(atLeast + backoff(this.#failures++), reason);
  }

  #retryIn(ms: number, reason: string | null): void {
    clearTimeout(this.#retryTimer);
    // Browsers may be wrong about having no network, so that `offline` goes on trying as well.
    const offline = globalThis.navigator?.onLine === false;
    this.#retryTimer = setTimeout(() => void this.#connect(), ms);
    this.#show(offline ? "offline" : "backoff", reason, offline ? null : Date.now() + ms);
  }

  #giveUp(reason: string): void {
    this.#letGo();
    this.#show("closed", reason);
  }

  #show(state: ConnectionState["state"], reason: string | null = null, retryAt: number | null = null): void {
    this.store.set({ state, retryAt, reason });
  }

  /** Forgets the socket and every timer. */
  #letGo(): void {
    if (this.#live) {
      this.#live = false;
      this.#events.onOffline();
    }
    this.#turn++;
    const timers = [this.#openTimer, this.#retryTimer, this.#healthyTimer, this.#heartbeat, this.#probe?.timer];
    for (const timer of timers) clearTimeout(timer);
    this.#probe = null;
    this.#leaving = false;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
  }
}
