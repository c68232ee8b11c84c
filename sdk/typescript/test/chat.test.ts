import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { opened, pass, settled, stage, statuses, texts } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe("two people", () => {
  test("see what the other writes, in order and once", async () => {
    const { anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const bens = await opened(ben, conversation.id);
    annas.send("one");
    annas.send("two");
    await pass(100);
    bens.send("three");
    await pass(100);
    expect(texts(annas)).toEqual(["one", "two", "three"]);
    expect(texts(bens)).toEqual(["one", "two", "three"]);
    expect(annas.store.getSnapshot().completeUpTo).toBe(4);
    expect(bens.store.getSnapshot().completeUpTo).toBe(4);
    expect(annas.store.getSnapshot().messages.map((view) => view.mine)).toEqual([true, true, false]);
  });

  test("a message is queued until it is durable, then sending, then stored, then delivered, under one key", async () => {
    const { anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    await opened(ben, conversation.id);
    const seen: string[] = [];
    const key = annas.send("hello");
    seen.push(...statuses(annas));
    annas.store.subscribe(() => {
      const views = annas.store.getSnapshot().messages;
      expect(views.map((view) => view.key)).toEqual([key]);
      const status = views[0]?.status as string;
      if (seen.at(-1) !== status) seen.push(status);
    });
    await pass(2000);
    expect(seen).toEqual(["queued", "sending", "stored", "delivered"]);
  });

  test("edits and deletions reach both, and a tombstone keeps its place", async () => {
    const { anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const bens = await opened(ben, conversation.id);
    annas.send("one");
    annas.send("two");
    await pass(100);
    const [one, two] = annas.store.getSnapshot().messages;
    await settled(annas.edit(one?.message.id as string, "uno"));
    await settled(annas.delete(two?.message.id as string));
    for (const handle of [annas, bens]) {
      expect(texts(handle)).toEqual(["uno", ""]);
      expect(handle.store.getSnapshot().messages[1]?.message.deletedAt).not.toBeNull();
      expect(handle.store.getSnapshot().completeUpTo).toBe(5);
    }
  });

  test("typing is told at most every 3 s, and ends by itself", async () => {
    const { server, anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const bens = await opened(ben, conversation.id);
    for (let i = 0; i < 20; i++) {
      annas.typing();
      await pass(200);
    }
    expect(server.received.filter(({ frame }) => frame.type === "typing:start")).toHaveLength(2);
    expect(bens.store.getSnapshot().typing).toEqual([anna.me]);
    await pass(5100);
    expect(server.received.filter(({ frame }) => frame.type === "typing:stop")).toHaveLength(1);
    expect(bens.store.getSnapshot().typing).toEqual([]);

    server.tell(ben.me, { type: "typing:started", conversationId: conversation.id, userId: anna.me });
    await pass(5900);
    expect(bens.store.getSnapshot().typing).toEqual([anna.me]);
    await pass(200);
    expect(bens.store.getSnapshot().typing).toEqual([]);
  });

  test("typing again right after a message was sent is told at once", async () => {
    const { anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const bens = await opened(ben, conversation.id);
    annas.typing();
    await pass(50);
    expect(bens.store.getSnapshot().typing).toEqual([anna.me]);
    annas.send("one");
    await pass(50);
    expect(bens.store.getSnapshot().typing).toEqual([]);
    annas.typing();
    await pass(50);
    expect(bens.store.getSnapshot().typing).toEqual([anna.me]);
  });

  test("history pages upward without holes or doubles", async () => {
    const { server, anna, ben, conversation } = await stage();
    for (let i = 1; i <= 120; i++) server.post(conversation, ben.me, `m${i}`);
    const annas = await opened(anna, conversation.id);
    expect(texts(annas)).toHaveLength(50);
    expect(annas.store.getSnapshot().hasOlder).toBe(true);
    await settled(annas.loadOlder());
    expect(texts(annas)).toHaveLength(100);
    await settled(annas.loadOlder());
    expect(texts(annas)).toEqual(Array.from({ length: 120 }, (_, i) => `m${i + 1}`));
    expect(annas.store.getSnapshot().hasOlder).toBe(false);
  });

  test("an edit that comes while its page of history is on the way is kept", async () => {
    const { server, anna, ben, conversation } = await stage();
    for (let i = 1; i <= 60; i++) server.post(conversation, ben.me, `m${i}`);
    const annas = await opened(anna, conversation.id);
    server.latency = () => 50;
    const older = annas.loadOlder();
    await pass(60);
    server.latency = () => 1;
    server.revise(conversation, conversation.messages[0]?.id as string, "changed");
    await pass(5);
    expect(texts(annas)).toHaveLength(50);
    await settled(older);
    expect(texts(annas)[0]).toBe("changed");
  });

  test("a snapshot is the same object until something changes", async () => {
    const { anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    annas.send("one");
    await pass(100);
    const before = annas.store.getSnapshot();
    annas.send("two");
    await pass(100);
    const after = annas.store.getSnapshot();
    expect(after).not.toBe(before);
    expect(after.messages[0]).toBe(before.messages[0]);
    await pass(60_000);
    expect(annas.store.getSnapshot().messages).toBe(after.messages);
  });
});

describe("the list of conversations", () => {
  test("orders by activity and counts what is unread, open or not", async () => {
    const { server, anna, ben, conversation } = await stage();
    const other = server.converse("group", [ben.me, anna.me], "Plans");
    await pass(1000);
    const ids = () => anna.client.conversations.getSnapshot().items.map((item) => item.id);
    expect(ids()).toEqual([other.id, conversation.id]);
    server.post(conversation, ben.me, "hello");
    await pass(1000);
    expect(ids()).toEqual([conversation.id, other.id]);
    expect(anna.client.conversations.getSnapshot().totalUnread).toBe(1);
    expect(anna.client.conversations.getSnapshot().items[0]?.lastMessage?.content).toBe("hello");

    const annas = await opened(anna, conversation.id);
    const gone = server.post(conversation, ben.me, "again");
    await pass(50);
    expect(anna.client.conversations.getSnapshot().totalUnread).toBe(2);
    expect(annas.store.getSnapshot().conversation?.unreadCount).toBe(2);
    server.revise(conversation, gone.id, null);
    await pass(50);
    expect(anna.client.conversations.getSnapshot().totalUnread).toBe(1);
    annas.markRead(gone.id);
    expect(anna.client.conversations.getSnapshot().totalUnread).toBe(0);
    await pass(2000);
    expect(anna.client.conversations.getSnapshot().totalUnread).toBe(0);
    expect(conversation.read.get(anna.me)).toBe(2);
  });

  test("shows what happened in a conversation that is not open without asking for it", async () => {
    const { server, anna, ben, conversation } = await stage();
    // Anna's clock is an hour slow.
    vi.spyOn(server.store, "now").mockImplementation(() => new Date(Date.now() + 3_600_000).toISOString());
    const other = server.converse("group", [ben.me, anna.me], "Plans");
    await pass(1000);
    const asked = vi.spyOn(server, "verify");
    const first = () => anna.client.conversations.getSnapshot().items[0];
    const long = "word ".repeat(50);
    const message = server.post(conversation, ben.me, long);
    await pass(1000);
    expect(first()).toMatchObject({ id: conversation.id, lastSeq: 1, unreadCount: 1 });
    expect(first()?.lastMessage).toMatchObject({ senderId: ben.me, content: long.slice(0, 100), deletedAt: null });
    server.post(other, ben.me, "later");
    await pass(1000);
    expect(first()).toMatchObject({ id: other.id, lastMessage: { content: "later" } });
    server.revise(conversation, message.id, "shorter");
    await pass(1000);
    const row = () => anna.client.conversations.getSnapshot().items.find(({ id }) => id === conversation.id);
    expect(row()).toMatchObject({ unreadCount: 1, lastMessage: { content: "shorter" } });
    server.revise(conversation, message.id, null);
    await pass(1000);
    expect(row()).toMatchObject({ unreadCount: 0, lastMessage: { content: "" } });
    expect(row()?.lastMessage?.deletedAt).not.toBeNull();
    expect(first()?.id).toBe(other.id);
    expect(asked).not.toHaveBeenCalled();

    await opened(anna, conversation.id);
    expect(row()?.lastMessage).toEqual(conversation.messages[0]);
  });

  test("several looks within a second are one receipt", async () => {
    const { server, anna, ben, conversation } = await stage();
    const messages = [1, 2, 3, 4].map((i) => server.post(conversation, ben.me, `m${i}`));
    const annas = await opened(anna, conversation.id);
    for (const message of messages) annas.markRead(message.id);
    await pass(3000);
    expect(server.received.filter(({ frame }) => frame.type === "receipt:read")).toHaveLength(1);
    expect(conversation.read.get(anna.me)).toBe(4);
  });

  test("what was received is acknowledged at most once a second", async () => {
    const { server, anna, ben, conversation } = await stage();
    await opened(anna, conversation.id);
    for (let i = 0; i < 10; i++) {
      server.post(conversation, ben.me, `m${i}`);
      await pass(100);
    }
    await pass(1500);
    const acks = server.received.filter(({ frame, userId }) => frame.type === "message:ack" && userId === anna.me);
    expect(acks.length).toBeLessThanOrEqual(3);
    expect(acks.at(-1)?.frame.seq).toBe(10);
  });

  test("who is taken out sees why, and who comes back sees what was missed", async () => {
    const { server, anna, ben } = await stage();
    const group = server.converse("group", [ben.me, anna.me], "Plans");
    const annas = await opened(anna, group.id);
    server.post(group, ben.me, "before");
    await pass(50);
    server.expel(group, anna.me);
    await pass(50);
    expect(annas.store.getSnapshot().removed).toBe("removed");
    expect(anna.client.conversations.getSnapshot().items.some((item) => item.id === group.id)).toBe(false);
    server.post(group, ben.me, "meanwhile");
    await pass(50);
    expect(texts(annas)).toEqual(["before"]);
    group.people.push(anna.me);
    server.announceRoster(group);
    server.tell(anna.me, { type: "conversation:added", conversation: server.store.view(group, anna.me) });
    await pass(200);
    expect(annas.store.getSnapshot().removed).toBeNull();
    expect(texts(annas)).toEqual(["before", "meanwhile"]);
  });

  test("a message brings a conversation back that was hidden while it was being opened", async () => {
    const { server, anna, ben, conversation } = await stage();
    await opened(anna, conversation.id);
    server.tell(anna.me, { type: "conversation:removed", conversationId: conversation.id, reason: "left" });
    await pass(50);
    expect(anna.client.conversations.getSnapshot().items).toEqual([]);
    server.post(conversation, ben.me, "still there?");
    await pass(2000);
    expect(anna.client.conversations.getSnapshot().items.map((item) => item.id)).toEqual([conversation.id]);
  });

  test("what came and went while nobody told is there after a reconnect", async () => {
    const { server, anna, ben, conversation } = await stage();
    server.cut();
    server.reachable = false;
    await pass(100);
    const fresh = server.converse("group", [ben.me, anna.me], "New");
    conversation.people = [ben.me];
    server.reachable = true;
    await pass(40_000);
    expect(anna.client.conversations.getSnapshot().items.map((item) => item.id)).toEqual([fresh.id]);
  });
});
