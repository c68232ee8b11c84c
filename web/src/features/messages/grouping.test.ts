import type { MessageView } from "@parley-chat/sdk";
import { describe, expect, test } from "vitest";
import { type Row, rowsOf } from "./grouping.ts";

const noon = new Date(2026, 2, 3, 12).getTime();

function view(seq: number, senderId: string, minutes: number, mine = false): MessageView {
  const createdAt = new Date(noon + minutes * 60_000).toISOString();
  return {
    readBy: 0,
    key: `k${seq}`,
    status: "stored",
    error: null,
    mine,
    message: {
      id: `m${seq}`,
      conversationId: "c",
      senderId,
      seq,
      rev: seq,
      content: `message ${seq}`,
      contentType: "text",
      clientMessageId: `k${seq}`,
      createdAt,
      updatedAt: createdAt,
      editedAt: null,
      deletedAt: null,
    },
  };
}

function shape(rows: readonly Row[]): string[] {
  return rows.map((row) => {
    if (row.kind === "beginning") return "beginning";
    return [row.key, row.newDay && "day", row.fresh && "new", row.first && "first"].filter(Boolean).join(" ");
  });
}

describe("rowsOf", () => {
  test("messages of one author within five minutes are one group", () => {
    const rows = rowsOf([view(1, "a", 0), view(2, "a", 4), view(3, "a", 10), view(4, "b", 11)], false, null);
    expect(shape(rows)).toEqual(["beginning", "k1 day first", "k2", "k3 first", "k4 first"]);
  });

  test("a day begins with its own line, by the reader's midnight", () => {
    const rows = rowsOf([view(1, "a", 11 * 60 + 58), view(2, "a", 12 * 60 + 1)], false, null);
    expect(shape(rows)).toEqual(["beginning", "k1 day first", "k2 day first"]);
  });

  test("the oldest message is held back while it is unknown what stands before it", () => {
    expect(shape(rowsOf([view(7, "a", 0), view(8, "a", 1)], true, null))).toEqual(["k8"]);
  });

  test("no row changes when older messages come in above it", () => {
    const older = [view(1, "a", -3000), view(2, "b", -9), view(3, "a", -8), view(4, "a", -7)];
    const newer = [view(5, "a", -6), view(6, "a", -5), view(7, "b", -4)];
    const before = rowsOf(newer, true, null);
    const known = new Map(before.map((row) => [row.key, row]));
    const after = rowsOf([...older, ...newer], true, null, known);
    expect(after.slice(-before.length)).toEqual(before);
    for (const [at, row] of before.entries()) expect(after[after.length - before.length + at]).toBe(row);
  });

  test("the new line stands above the first unread message of somebody else, once", () => {
    const rows = rowsOf([view(1, "a", 0), view(2, "a", 1), view(3, "a", 2)], false, 1);
    expect(shape(rows)).toEqual(["beginning", "k1 day first", "k2 new first", "k3"]);
  });

  test("own messages are never new", () => {
    const rows = rowsOf([view(1, "a", 0), view(2, "me", 1, true)], false, 1);
    expect(shape(rows)).toEqual(["beginning", "k1 day first", "k2 first"]);
  });

  test("rows of messages that did not change stay the same objects", () => {
    const messages = [view(1, "a", 0), view(2, "a", 1)];
    const before = rowsOf(messages, false, null);
    const after = rowsOf([...messages, view(3, "a", 2)], false, null, new Map(before.map((row) => [row.key, row])));
    expect(after[1]).toBe(before[1]);
    expect(after[2]).toBe(before[2]);
  });
});
