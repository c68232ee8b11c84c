import type { OutboxRow, OutboxStorage } from "./outbox-storage.js";

/** An outbox that lives as long as this object does. */
export class MemoryStorage implements OutboxStorage {
  readonly #rows = new Map<string, OutboxRow>();

  async load(userId: string): Promise<OutboxRow[]> {
    return [...this.#rows.values()].filter((row) => row.userId === userId);
  }

  async put(row: OutboxRow): Promise<void> {
    this.#rows.set(`${row.userId} ${row.clientMessageId}`, row);
  }

  async remove(userId: string, clientMessageId: string): Promise<void> {
    this.#rows.delete(`${userId} ${clientMessageId}`);
  }
}
