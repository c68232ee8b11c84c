/** A message that is not confirmed yet. */
export interface OutboxRow {
  readonly userId: string;
  readonly conversationId: string;
  readonly clientMessageId: string;
  readonly content: string;
  /** Rises with each row of this person on this device: the order of sending. */
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly queuedAt: number;
  /** Set when the server refused it; it waits for retry or discard then. */
  readonly failed: {
    readonly code: string;
    readonly message: string;
    readonly outcome?: "rejected" | "unknown" | undefined;
  } | null;
}

/**
 * Where the outbox survives a reload. A promise that `put` or `remove` returned resolves when the change is
 * durable; calls are made one after the other.
 */
export interface OutboxStorage {
  /** All rows of one person, in any order. */
  load(userId: string): Promise<OutboxRow[]>;
  /** Stores a row, or replaces the one with its `userId` and `clientMessageId`. */
  put(row: OutboxRow): Promise<void>;
  remove(userId: string, clientMessageId: string): Promise<void>;
}
