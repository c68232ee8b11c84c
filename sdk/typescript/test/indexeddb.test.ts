import "fake-indexeddb/auto";
import { expect, test } from "vitest";
import type { OutboxRow, OutboxStorage } from "../src/index.js";
import { IndexedDBStorage } from "../src/indexeddb.js";
import { MemoryStorage } from "../src/memory.js";

function row(userId: string, clientMessageId: string, position: number): OutboxRow {
  return {
    userId,
    conversationId: "c",
    clientMessageId,
    content: `text ${position}`,
    position,
    queuedAt: 1,
    failed: null,
  };
}

/** What every storage must do. `again` is what a page finds after a reload. */
async function conforms(storage: OutboxStorage, again: () => OutboxStorage): Promise<void> {
  expect(await storage.load("anna")).toEqual([]);
  await storage.put(row("anna", "1", 1));
  await storage.put(row("anna", "2", 2));
  await storage.put(row("anna2", "1", 9));
  await storage.put(row("ben", "1", 3));
  await storage.put({ ...row("anna", "1", 4), failed: { code: "VALIDATION_ERROR", message: "No." } });
  await storage.remove("anna", "2");
  await storage.remove("anna", "unknown");
  const reloaded = again();
  expect(await reloaded.load("anna")).toEqual([
    { ...row("anna", "1", 4), failed: { code: "VALIDATION_ERROR", message: "No." } },
  ]);
  expect(await reloaded.load("ben")).toEqual([row("ben", "1", 3)]);
  expect(await reloaded.load("an")).toEqual([]);
}

test("rows survive in IndexedDB, each person's apart", async () => {
  await conforms(new IndexedDBStorage(), () => new IndexedDBStorage());
});

test("rows survive in memory as long as the storage does", async () => {
  const storage = new MemoryStorage();
  await conforms(storage, () => storage);
});

test("another tab may delete the database", async () => {
  const storage = new IndexedDBStorage("deleted");
  await storage.put(row("anna", "1", 1));
  await new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase("deleted");
    request.onsuccess = resolve;
    request.onerror = reject;
  });
  expect(await storage.load("anna")).toEqual([]);
  await storage.put(row("anna", "2", 2));
  expect(await storage.load("anna")).toHaveLength(1);
});
