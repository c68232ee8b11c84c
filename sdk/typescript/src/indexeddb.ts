import type { OutboxRow, OutboxStorage } from "./outbox-storage.js";

const rows = "rows";

/** An outbox in this browser's IndexedDB. Rows are durable when `put` resolves. */
export class IndexedDBStorage implements OutboxStorage {
  readonly #name: string;
  #opened: Promise<IDBDatabase> | null = null;

  constructor(name = "parley-outbox") {
    this.#name = name;
  }

  async load(userId: string): Promise<OutboxRow[]> {
    const range = IDBKeyRange.bound([userId], [userId, []]);
    return this.#run("readonly", (store) => store.getAll(range));
  }

  async put(row: OutboxRow): Promise<void> {
    await this.#run("readwrite", (store) => store.put(row));
  }

  async remove(userId: string, clientMessageId: string): Promise<void> {
    await this.#run("readwrite", (store) => store.delete([userId, clientMessageId]));
  }

  async #run<T>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const db = await this.#open();
    return new Promise((resolve, reject) => {
      // "strict": Chromium reports a commit before it is on the disk otherwise.
      const tx = db.transaction(rows, mode, { durability: "strict" });
      const request = act(tx.objectStore(rows));
      tx.oncomplete = () => resolve(request.result);
      tx.onabort = () => reject(tx.error);
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opened ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(this.#name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(rows, { keyPath: ["userId", "clientMessageId"] });
      };
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const db = request.result;
        const forget = () => {
          this.#opened = null;
        };
        db.onclose = forget;
        db.onversionchange = () => {
          db.close();
          forget();
        };
        resolve(db);
      };
    }).catch((error) => {
      this.#opened = null;
      throw error;
    });
    return this.#opened;
  }
}
