import { backoff } from "./backoff.js";
import { type Code, isSignedOut, ParleyError, retryIn } from "./errors.js";
import type { OutboxRow, OutboxStorage } from "./outbox-storage.js";

/** How many messages may be on their way at once; in one conversation it is one, which keeps their order. */
const atOnce = 4;
/** The server answers within 3 s whatever happens (C2.6). After this long the connection is in doubt. */
const answerWithin = 8_000;
/** A storage that does not answer is not waited for: sending the message is the better half. */
const durableWithin = 3_000;

/** A row with where it stands. Immutable: a change makes a new one. */
export interface OutboxEntry {
  readonly row: OutboxRow;
  readonly state: "queued" | "sending" | "failed";
  readonly error: ParleyError | null;
  /** An earlier try, here or before a reload, may be stored: that a later one was `rejected` says nothing of it. */
  readonly doubt: boolean;
  readonly durable: boolean;
  readonly tries: number;
  /** Not before this time, in milliseconds since 1970. */
  readonly notBefore: number;
}

export interface OutboxDoors {
  /** Hands a frame to the socket; false when there is none. */
  send(frame: object): boolean;
  /** The rows of a conversation changed. */
  changed(conversationId: string): void;
  /** An answer is overdue. */
  doubt(): void;
}

function rejected(message: string): ParleyError {
  return new ParleyError("VALIDATION_ERROR", message, { outcome: "rejected" });
}

/** The rules for message text that the server holds as well (C2.5); null when it passes. */
export function checkContent(content: string): ParleyError | null {
  if (content.trim() === "") return rejected("The message is empty.");
  if ([...content].length > 4000) return rejected("A message has at most 4000 characters.");
  if (/\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/.test(content)) {
    return rejected("The message has characters that are no text.");
  }
  return null;
}

/**
 * What one person sends, kept until the server confirmed or refused it: durable before it is sent, in order
 * in each conversation, and resent under the same clientMessageId, which the server stores once (C2.3).
 */
export class Outbox {
  readonly #storage: OutboxStorage;
  readonly #doors: OutboxDoors;
  readonly #entries = new Map<string, OutboxEntry>();
  readonly #overdue = new Map<string, ReturnType<typeof setTimeout>>();
  #userId: string | null = null;
  #loaded = false;
  #position = 0;
  #pausedUntil = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(storage: OutboxStorage, doors: OutboxDoors) {
    this.#storage = storage;
    this.#doors = doors;
  }

  /** Begins with what this person left unsent. Nothing is sent before it is known. */
  async load(userId: string): Promise<void> {
    this.unload();
    this.#userId = userId;
    let rows: OutboxRow[] = [];
    try {
      rows = await this.#storage.load(userId);
    } catch {
      // A storage that cannot be read must not keep new messages from being sent.
    }
    if (this.#userId !== userId || this.#loaded) return;
    this.#loaded = true;
    const added = [...this.#entries.values()];
    this.#entries.clear();
    for (const row of rows.sort((a, b) => a.position - b.position)) {
      this.#position = Math.max(this.#position, row.position);
      this.#entries.set(row.clientMessageId, { ...entryOf(row, true), durable: true });
    }
    for (const entry of added) this.#entries.set(entry.row.clientMessageId, entry);
    for (const id of new Set(rows.map((row) => row.conversationId))) this.#doors.changed(id);
    this.flush();
  }

  /** Forgets the person; their rows stay in the storage. */
  unload(): void {
    this.offline();
    this.#userId = null;
    this.#loaded = false;
    this.#pausedUntil = 0;
    this.#entries.clear();
    clearTimeout(this.#timer);
  }

  entry(clientMessageId: string): OutboxEntry | undefined {
    return this.#entries.get(clientMessageId);
  }

  /** How many will be sent by themselves. */
  get waiting(): number {
    let n = 0;
    for (const { state } of this.#entries.values()) if (state !== "failed") n++;
    return n;
  }

  /** A conversation's entries in the order of sending. */
  entries(conversationId: string): OutboxEntry[] {
    return [...this.#entries.values()].filter(({ row }) => row.conversationId === conversationId);
  }

  add(conversationId: string, content: string): string {
    if (this.#userId === null) throw new ParleyError("UNAUTHORIZED");
    const clientMessageId = uuid();
    const error = checkContent(content);
    const row: OutboxRow = {
      ...{ userId: this.#userId, conversationId, clientMessageId, content, position: this.#next() },
      queuedAt: Date.now(),
      failed: error && failureOf(error),
    };
    this.#enqueue(entryOf(row, false));
    return clientMessageId;
  }

  /** Sends a failed message again, as the last of its conversation. */
  retry(clientMessageId: string): void {
    const entry = this.#entries.get(clientMessageId);
    if (entry?.state !== "failed") return;
    const row = { ...entry.row, failed: null, position: this.#next() };
    this.#entries.delete(clientMessageId);
    this.#enqueue(entryOf(row, entry.error?.outcome !== "rejected"));
  }

  /** Forgets a failed message. */
  discard(clientMessageId: string): void {
    if (this.#entries.get(clientMessageId)?.state === "failed") this.confirm(clientMessageId);
  }

  /** The message is in the conversation: its row has done its work. */
  confirm(clientMessageId: string): void {
    const entry = this.#entries.get(clientMessageId);
    if (!entry) return;
    this.#answered(clientMessageId);
    this.#entries.delete(clientMessageId);
    // A row that cannot be removed is sent once more after a reload, and answered with what is stored.
    this.#storage.remove(entry.row.userId, clientMessageId).catch(() => {});
    this.#doors.changed(entry.row.conversationId);
    this.flush();
  }

  /** The server did not take it, or does not know whether it did. */
  refuse(clientMessageId: string, error: ParleyError): void {
    const entry = this.#entries.get(clientMessageId);
    if (entry?.state !== "sending") return;
    this.#answered(clientMessageId);
    const tries = entry.tries + 1;
    const doubt = entry.doubt || error.outcome === "unknown";
    // A token that ran out in between is renewed by the connection.
    const wait = isSignedOut(error) ? backoff(entry.tries) : retryIn(error, entry.tries);
    // Until it is refused for good it stays as open as it was.
    if (doubt && (wait !== null || error.retryable)) Object.assign(error, { outcome: "unknown" });
    if (wait === null) {
      const row = { ...entry.row, failed: failureOf(error) };
      this.#set({ ...entry, row, state: "failed", error, doubt, tries });
      this.#storage.put(row).catch(() => {});
    } else {
      // The limit is the person's, not the conversation's.
      if (error.retry === "wait") this.#pausedUntil = Date.now() + wait;
      this.#set({ ...entry, state: "queued", error, doubt, tries, notBefore: Date.now() + wait });
    }
    this.flush();
  }

  /** Whatever was on its way has no answer any more; it is resent. */
  offline(): void {
    for (const entry of this.#entries.values()) {
      if (entry.state !== "sending") continue;
      this.#answered(entry.row.clientMessageId);
      this.#set({ ...entry, state: "queued", doubt: true });
    }
  }

  /** Sends what may be sent: the first of each conversation, the longest waiting first. */
  flush(): void {
    clearTimeout(this.#timer);
    if (!this.#loaded) return;
    const now = Date.now();
    let next = Number.POSITIVE_INFINITY;
    const seen = new Set<string>();
    for (const entry of [...this.#entries.values()]) {
      const { row, state } = entry;
      if (state === "failed" || seen.has(row.conversationId)) continue;
      seen.add(row.conversationId);
      if (state === "sending" || !entry.durable) continue;
      const due = Math.max(entry.notBefore, this.#pausedUntil);
      if (due > now) next = Math.min(next, due);
      else if (this.#overdue.size < atOnce && !this.#send(entry)) return;
    }
    if (next < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.flush(), next - now);
  }

  #send(entry: OutboxEntry): boolean {
    const { conversationId, clientMessageId, content } = entry.row;
    const frame = { type: "message:send", conversationId, clientMessageId, content, contentType: "text" };
    if (!this.#doors.send(frame)) return false;
    this.#overdue.set(
      clientMessageId,
      setTimeout(() => {
        this.#doors.doubt();
        this.refuse(
          clientMessageId,
          new ParleyError("NETWORK_ERROR", "The server did not answer.", { outcome: "unknown" }),
        );
      }, answerWithin),
    );
    this.#set({ ...entry, state: "sending", error: null });
    return true;
  }

  #answered(clientMessageId: string): void {
    clearTimeout(this.#overdue.get(clientMessageId));
    this.#overdue.delete(clientMessageId);
  }

  #set(entry: OutboxEntry): void {
    this.#entries.set(entry.row.clientMessageId, entry);
    this.#doors.changed(entry.row.conversationId);
  }

  #enqueue(entry: OutboxEntry): void {
    const { row } = entry;
    this.#set(entry);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const durable = () => {
      clearTimeout(timer);
      const now = this.#entries.get(row.clientMessageId);
      if (now?.row !== row || now.durable) return;
      this.#set({ ...now, durable: true });
      this.flush();
    };
    timer = setTimeout(durable, durableWithin);
    this.#storage.put(row).then(durable, durable);
  }

  #next(): number {
    this.#position = Math.max(this.#position + 1, Date.now());
    return this.#position;
  }
}

const failureOf = ({ code, message, outcome }: ParleyError) => ({ code, message, outcome });

function entryOf(row: OutboxRow, doubt: boolean): OutboxEntry {
  const { failed } = row;
  const error = failed && new ParleyError(failed.code as Code, failed.message, { ...failed, retryable: false });
  const state = error ? "failed" : "queued";
  return { row, state, error, doubt, durable: false, tries: 0, notBefore: 0 };
}

/** A version 4 UUID. `crypto.randomUUID` is missing on pages without TLS. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(36));
  // Of the 8 only the lower two bits are random, so that it is one of 8, 9, a, b; the 4 stays.
  return "00000000-0000-4000-8000-000000000000".replace(/[08]/g, (digit, at) =>
    (+digit | ((bytes[at] as number) & (digit === "0" ? 15 : 3))).toString(16),
  );
}
