import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { ConversationHandle } from "../src/index.js";
import { FakeServer } from "../src/testing/fake-server.js";
import { opened, pass, settled, stage, statuses, Tab } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

function readBy(handle: ConversationHandle): (number | null)[] {
  return handle.store.getSnapshot().messages.map((view) => view.readBy);
}

function lastId(handle: ConversationHandle): string {
  return handle.store.getSnapshot().messages.at(-1)?.message.id as string;
}

/** Every state that the rows go through from now on, as one line each. */
function watched(handle: ConversationHandle): string[] {
  const line = () => `${statuses(handle).join(" ")} | ${readBy(handle).join(" ")}`;
  const seen = [line()];
  handle.store.subscribe(() => {
    const now = line();
    if (seen.at(-1) !== now) seen.push(now);
  });
  return seen;
}

/** Anna, and as many others as are asked for, in a group. */
async function crowd(others: number) {
  const server = new FakeServer();
  const tabs: Tab[] = [];
  for (let i = 0; i <= others; i++) {
    const tab = new Tab(server);
    await settled(tab.client.register({ username: `person${i}`, password: "longer than eight" }));
    tabs.push(tab);
  }
  const group = server.converse(
    "group",
    tabs.map((tab) => tab.me),
    "Crowd",
  );
  await pass(100);
  const [anna, ...rest] = tabs as [Tab, ...Tab[]];
  return { server, group, anna, rest };
}

describe("what others have read", () => {
  test("a message goes from stored to delivered to read, with the position and the time", async () => {
    const { anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const bens = await opened(ben, conversation.id);
    annas.send("hello");
    const seen = watched(annas);
    await pass(2000);
    bens.markRead(lastId(bens));
    await pass(2000);
    expect(seen.map((line) => line.split(" |")[0])).toEqual(["queued", "sending", "stored", "delivered", "read"]);
    expect(readBy(annas)).toEqual([1]);
    expect(annas.store.getSnapshot().receipts).toMatchObject([
      { userId: ben.me, deliveredSeq: 1, readSeq: 1, readMessageId: lastId(annas), readAt: expect.any(String) },
    ]);
    expect(readBy(bens)).toEqual([0]);
  });

  test("doubles and what comes out of order change nothing", async () => {
    const { server, anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    for (const text of ["one", "two", "three"]) annas.send(text);
    await pass(2000);
    const told = (seq: number) => {
      const messageId = conversation.messages[seq - 1]?.id;
      const readAt = server.store.now();
      server.tell(anna.me, {
        ...{ type: "receipt:updated", conversationId: conversation.id, userId: ben.me },
        ...{ messageId, seq, readAt },
      });
    };
    told(2);
    await pass(50);
    const { receipts, messages } = annas.store.getSnapshot();
    expect(messages.map((view) => view.status)).toEqual(["read", "read", "stored"]);
    for (const seq of [2, 1, 2]) told(seq);
    const late = { type: "message:delivered", conversationId: conversation.id, userId: ben.me, upToSeq: 1 };
    server.tell(anna.me, late);
    await pass(50);
    expect(annas.store.getSnapshot().receipts).toBe(receipts);
    expect(annas.store.getSnapshot().messages).toBe(messages);
    told(3);
    await pass(50);
    expect(statuses(annas)).toEqual(["read", "read", "read"]);
  });

  test("a reconnect takes nothing back for a moment", async () => {
    const { server, anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const bens = await opened(ben, conversation.id);
    annas.send("one");
    annas.send("two");
    await pass(1500);
    bens.markRead(lastId(bens));
    await pass(2000);
    expect(statuses(annas)).toEqual(["read", "read"]);
    const seen = watched(annas);
    server.cut();
    await pass(40_000);
    expect(seen).toHaveLength(1);
  });

  test("what was read while one was away is there after the reconnect", async () => {
    const { server, anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    annas.send("one");
    await pass(1500);
    expect(statuses(annas)).toEqual(["stored"]);
    server.cut();
    server.store.advance(conversation, ben.me, 1);
    await pass(40_000);
    expect(statuses(annas)).toEqual(["read"]);
  });

  test("who lets nobody know any more is forgotten, and has received it all the same", async () => {
    const { anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const bens = await opened(ben, conversation.id);
    annas.send("one");
    await pass(1500);
    bens.markRead(lastId(bens));
    await pass(2000);
    expect(statuses(annas)).toEqual(["read"]);
    await settled(ben.client.api.updateMe({ readReceiptsEnabled: false }));
    expect(statuses(annas)).toEqual(["delivered"]);
    expect(readBy(annas)).toEqual([0]);
    expect((await settled(anna.client.api.readers(conversation.id, lastId(annas)))).receipts).toEqual([]);
    annas.send("two");
    await pass(1500);
    bens.markRead(lastId(bens));
    await pass(2000);
    expect(statuses(annas)).toEqual(["delivered", "delivered"]);
    expect(ben.client.conversations.getSnapshot().totalUnread).toBe(0);
    await settled(ben.client.api.updateMe({ readReceiptsEnabled: true }));
    expect(statuses(annas)).toEqual(["read", "read"]);
  });

  test("in a group anybody counts, and who leaves counts no more", async () => {
    const { server, group, anna, rest } = await crowd(3);
    const annas = await opened(anna, group.id);
    const handles = [];
    for (const tab of rest) handles.push(await opened(tab, group.id));
    annas.send("hello");
    await pass(1500);
    expect(statuses(annas)).toEqual(["delivered"]);
    for (const handle of handles) handle.markRead(lastId(handle));
    await pass(2000);
    expect(readBy(annas)).toEqual([3]);
    const gone = rest[0] as Tab;
    server.expel(group, gone.me);
    await pass(100);
    expect(readBy(annas)).toEqual([2]);
    server.admit(group, gone.me);
    await pass(100);
    expect(readBy(annas)).toEqual([2]);
  });

  test("a large conversation tells numbers, the newest replace older ones, and who is a question", async () => {
    const { server, group, anna, rest } = await crowd(9);
    const annas = await opened(anna, group.id);
    annas.send("hello");
    await pass(1500);
    for (const tab of rest) {
      const handle = await opened(tab, group.id);
      handle.markRead(lastId(handle));
    }
    await pass(2000);
    expect(statuses(annas)).toEqual(["read"]);
    expect(readBy(annas)).toEqual([9]);
    expect(annas.store.getSnapshot().receipts).toEqual([]);
    const page = await settled(anna.client.api.readers(group.id, lastId(annas)));
    expect(page).toMatchObject({ readCount: 9, hasMore: false });
    expect(page.receipts.map(({ user }) => user.id).sort()).toEqual(rest.map((tab) => tab.me).sort());

    const counts = (readCount: number) => {
      const told = [{ messageId: lastId(annas), readCount }];
      server.tell(anna.me, { type: "receipt:count", conversationId: group.id, counts: told });
    };
    counts(7);
    await pass(50);
    expect(readBy(annas)).toEqual([7]);
    const { messages } = annas.store.getSnapshot();
    counts(7);
    await pass(50);
    expect(annas.store.getSnapshot().messages).toBe(messages);
  });

  test("past the newest 50 of a large conversation a message is read by a number that is not guessed", async () => {
    const { server, group, anna, rest } = await crowd(9);
    const annas = await opened(anna, group.id);
    annas.send("old");
    await pass(1500);
    server.store.advance(group, (rest[0] as Tab).me, 1);
    for (let i = 0; i < 60; i++) server.post(group, anna.me, `m${i}`);
    server.cut();
    await pass(40_000);
    expect(statuses(annas)[0]).toBe("stored");
    expect(readBy(annas)[0]).toBeNull();
    server.store.advance(group, (rest[1] as Tab).me, 40);
    server.cut();
    await pass(40_000);
    expect(statuses(annas)[0]).toBe("read");
    expect(readBy(annas)[0]).toBeNull();
    expect(readBy(annas)[39]).toBe(1);
  });

  test("a conversation that grows and shrinks past the threshold is right on both sides", async () => {
    const { server, group, anna, rest } = await crowd(9);
    const leaver = rest.pop() as Tab;
    server.expel(group, leaver.me);
    const annas = await opened(anna, group.id);
    const handles = [];
    for (const tab of rest) handles.push(await opened(tab, group.id));
    annas.send("one");
    await pass(1500);
    for (const handle of handles) handle.markRead(lastId(handle));
    await pass(2000);
    expect(readBy(annas)).toEqual([8]);
    const seen = watched(annas);
    server.admit(group, leaver.me);
    await pass(1000);
    expect(readBy(annas)).toEqual([8]);
    const theirs = await opened(leaver, group.id);
    theirs.markRead(lastId(theirs));
    await pass(2000);
    expect(readBy(annas)).toEqual([9]);
    server.expel(group, leaver.me);
    await pass(1000);
    expect(readBy(annas)).toEqual([8]);
    expect(seen.map((line) => line.split("| ")[1])).toEqual(["8", "9", "8"]);
  });

  test("a conversation that becomes small shows nobody's number any more when nobody who stays has read", async () => {
    const { server, group, anna, rest } = await crowd(9);
    const reader = rest[0] as Tab;
    const annas = await opened(anna, group.id);
    annas.send("one");
    await pass(1500);
    server.store.advance(group, reader.me, 1);
    server.cut();
    await pass(40_000);
    expect(readBy(annas)).toEqual([1]);
    server.expel(group, reader.me);
    await pass(1000);
    expect(readBy(annas)).toEqual([0]);
    expect(statuses(annas)).toEqual(["stored"]);
  });

  test("a conversation that becomes small counts nobody up one by one", async () => {
    const { server, group, anna, rest } = await crowd(9);
    const annas = await opened(anna, group.id);
    annas.send("one");
    await pass(1500);
    for (const tab of rest) server.store.advance(group, tab.me, 1);
    server.cut();
    await pass(40_000);
    const seen = watched(annas);
    server.expel(group, (rest[0] as Tab).me);
    await pass(1000);
    expect(seen.map((line) => line.split("| ")[1])).toEqual(["9", "8"]);
  });

  test("who is left alone is read by nobody, and was told so by nobody", async () => {
    const { server, group, anna, rest } = await crowd(9);
    const annas = await opened(anna, group.id);
    annas.send("one");
    await pass(1500);
    for (const tab of rest) server.store.advance(group, tab.me, 1);
    server.cut();
    await pass(40_000);
    expect(readBy(annas)).toEqual([9]);
    server.reachable = false;
    server.cut();
    for (const tab of rest) server.expel(group, tab.me);
    server.reachable = true;
    await pass(40_000);
    expect(readBy(annas)).toEqual([0]);
  });
});

describe("what one has read oneself", () => {
  test("a read that was lost on the way is said again when the connection is back", async () => {
    const { server, anna, ben, conversation } = await stage();
    const message = server.post(conversation, ben.me, "hello");
    const annas = await opened(anna, conversation.id);
    const unread = () => anna.client.conversations.getSnapshot().totalUnread;
    const seen = [unread()];
    anna.client.conversations.subscribe(() => seen.at(-1) === unread() || seen.push(unread()));
    annas.markRead(message.id);
    await pass(1001);
    server.cut();
    expect(conversation.read.get(anna.me)).toBeUndefined();
    await pass(40_000);
    expect(conversation.read.get(anna.me)).toBe(1);
    expect(seen).toEqual([1, 0]);
  });

  test("a read that was done without a connection, and the conversation closed, is said too", async () => {
    const { server, anna, ben, conversation } = await stage();
    const message = server.post(conversation, ben.me, "hello");
    const annas = await opened(anna, conversation.id);
    server.reachable = false;
    server.cut();
    annas.markRead(message.id);
    await pass(2000);
    annas.close();
    server.reachable = true;
    await pass(40_000);
    expect(conversation.read.get(anna.me)).toBe(1);
  });

  test("a read without an answer is said again, and one that was answered only after a reconnect", async () => {
    const { server, anna, ben, conversation } = await stage();
    const message = server.post(conversation, ben.me, "hello");
    const annas = await opened(anna, conversation.id);
    const told = () =>
      server.received.filter(({ frame }) => /^receipt:/.test(frame.type)).map(({ frame }) => frame.type);
    const tell = vi.spyOn(server, "tell").mockImplementation(() => {});
    annas.markRead(message.id);
    await pass(5000);
    expect(told()).toEqual(["receipt:read"]);
    tell.mockRestore();
    await pass(7000);
    expect(told()).toEqual(["receipt:read", "receipt:sync"]);
    await pass(60_000);
    expect(told()).toHaveLength(2);
    // A server that died with what it had acknowledged.
    conversation.read.delete(anna.me);
    server.cut();
    await pass(40_000);
    expect(told()).toEqual(["receipt:read", "receipt:sync", "receipt:sync"]);
    expect(conversation.read.get(anna.me)).toBe(1);
    expect(anna.client.conversations.getSnapshot().totalUnread).toBe(0);
  });

  test("a list that was read before a read has arrived makes nothing unread again", async () => {
    const { server, anna, ben, conversation } = await stage();
    const message = server.post(conversation, ben.me, "hello");
    const annas = await opened(anna, conversation.id);
    const item = () => anna.client.conversations.getSnapshot().items[0];
    const seen = [item()?.unreadCount];
    anna.client.conversations.subscribe(() => seen.at(-1) === item()?.unreadCount || seen.push(item()?.unreadCount));
    annas.markRead(message.id);
    annas.close();
    server.tell(anna.me, { type: "conversation:added", conversation: server.store.view(conversation, anna.me) });
    conversation.read.delete(anna.me);
    const stale = { ...server.store.view(conversation, anna.me), lastRev: 99 };
    server.tell(anna.me, { type: "conversation:added", conversation: stale });
    await pass(3000);
    expect(seen).toEqual([1, 0]);
    expect(item()?.lastReadSeq).toBe(1);
  });

  test("an older answer takes nothing back, and another device moves it forward", async () => {
    const { server, anna, ben, conversation } = await stage();
    const messages = [1, 2, 3].map((i) => server.post(conversation, ben.me, `m${i}`));
    const second = new Tab(server, undefined, anna.jar);
    await settled(second.client.restore());
    const annas = await opened(anna, conversation.id);
    const others = await opened(second, conversation.id);
    const unread = () => annas.store.getSnapshot().conversation?.unreadCount;
    annas.markRead(messages[1]?.id as string);
    expect(unread()).toBe(1);
    server.tell(anna.me, {
      ...{ type: "receipt:synced", conversationId: conversation.id, unreadCount: 2 },
      ...{ lastReadMessageId: messages[0]?.id, lastReadSeq: 1, lastReadAt: null },
    });
    await pass(100);
    expect(unread()).toBe(1);
    others.markRead(messages[2]?.id as string);
    await pass(3000);
    expect(unread()).toBe(0);
    expect(annas.store.getSnapshot().conversation?.lastReadSeq).toBe(3);
    annas.markRead(messages[0]?.id as string);
    await pass(3000);
    expect(unread()).toBe(0);
    expect(conversation.read.get(anna.me)).toBe(3);
  });
});
