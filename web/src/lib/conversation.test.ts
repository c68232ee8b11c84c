import type { Conversation, User } from "@parley-chat/sdk";
import { describe, expect, test } from "vitest";
import { matches, nameOf, ordered } from "./conversation.ts";

function user(id: string, displayName: string): User {
  return { id, username: displayName.toLowerCase(), displayName, createdAt: "2026-01-01T00:00:00.000000Z" };
}

function conversation(id: string, updatedAt: string, change: Partial<Conversation> = {}): Conversation {
  return {
    id,
    type: "group",
    title: null,
    ownerId: null,
    participants: [],
    participantCount: 0,
    lastMessage: null,
    lastSeq: 0,
    lastRev: 0,
    createdAt: updatedAt,
    updatedAt,
    ...change,
  };
}

const people = ["me", "Ann", "Ben", "Cleo", "Dov"].map((name) => ({
  user: user(name, name),
  role: "member" as const,
  joinedAt: "",
}));

describe("ordered", () => {
  test("the newest activity comes first", () => {
    const rows = [conversation("a", "2026-01-01T10:00:00.000001Z"), conversation("b", "2026-01-01T10:00:00.000002Z")];
    expect(ordered(rows).map((c) => c.id)).toEqual(["b", "a"]);
  });

  test("equal moments keep one order, whatever order they came in", () => {
    const rows = ["a", "b", "c"].map((id) => conversation(id, "2026-01-01T10:00:00.000000Z"));
    expect(ordered(rows)).toEqual(ordered([...rows].reverse()));
  });

  test("a last message that is newer than the row counts", () => {
    const last = { createdAt: "2026-01-02T00:00:00.000000Z" } as Conversation["lastMessage"];
    const rows = [
      conversation("a", "2026-01-01T12:00:00.000000Z"),
      conversation("b", "2026-01-01T10:00:00.000000Z", { lastMessage: last }),
    ];
    expect(ordered(rows).map((c) => c.id)).toEqual(["b", "a"]);
  });

  test("what it was given stays as it was", () => {
    const rows = [conversation("a", "1"), conversation("b", "2")];
    ordered(rows);
    expect(rows.map((c) => c.id)).toEqual(["a", "b"]);
  });
});

describe("nameOf", () => {
  test("a direct conversation is called by the other one", () => {
    expect(nameOf(conversation("a", "", { type: "direct", participants: people.slice(0, 2) }), "me")).toBe("Ann");
  });

  test("a group without a title is called by its people", () => {
    expect(nameOf(conversation("a", "", { participants: people, participantCount: 5 }), "me")).toBe(
      "Ann, Ben, Cleo +1",
    );
    expect(nameOf(conversation("a", "", { participants: people.slice(0, 2), participantCount: 2 }), "me")).toBe("Ann");
    expect(nameOf(conversation("a", "", { participants: people.slice(0, 1), participantCount: 1 }), "me")).toBe(
      "Only you",
    );
  });
});

describe("matches", () => {
  test("every word of the query begins a word of the name", () => {
    expect(matches("Zoë van Dijk", "zoe")).toBe(true);
    expect(matches("Zoë van Dijk", "dij zo")).toBe(true);
    expect(matches("Zoë van Dijk", "oe")).toBe(false);
  });
});
