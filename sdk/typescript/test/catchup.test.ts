import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { opened, pass, settled, stage, texts } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a reconnect brings what was sent, edited and deleted meanwhile", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  const edited = server.post(conversation, ben.me, "one");
  const deleted = server.post(conversation, ben.me, "two");
  await pass(50);
  server.cut();
  server.revise(conversation, edited.id, "uno");
  server.revise(conversation, deleted.id, null);
  server.post(conversation, ben.me, "three");
  await pass(2000);
  expect(texts(annas)).toEqual(["uno", "", "three"]);
  expect(annas.store.getSnapshot().completeUpTo).toBe(conversation.lastRev);
});

test("what is too much for the socket is paged over REST, beside what comes meanwhile", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  server.maxCatchUp = 100;
  server.reachable = false;
  server.cut();
  for (let i = 1; i <= 450; i++) server.post(conversation, ben.me, `m${i}`);
  server.reachable = true;
  server.latency = () => 40;
  await pass(1000);
  for (let i = 451; i <= 500; i++) {
    server.post(conversation, ben.me, `m${i}`);
    await pass(20);
  }
  await pass(40_000);
  expect(texts(annas)).toEqual(Array.from({ length: 500 }, (_, i) => `m${i + 1}`));
  expect(annas.store.getSnapshot().completeUpTo).toBe(conversation.lastRev);
});

test("what comes live before the end of a catch-up with a hole does not close the hole", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  server.reachable = false;
  server.cut();
  const missed = ["one", "two", "three", "four"].map((text) => server.post(conversation, ben.me, text));
  const { id: conversationId, lastRev } = conversation;
  const real = server.receive.bind(server);
  server.receive = (session, frame) => {
    if (frame.type !== "subscribe") {
      real(session, frame);
      return;
    }
    session.send({ type: "subscribed", conversationId, lastSeq: 4, lastRev, hasMore: true });
    session.send({ type: "message:received", message: missed[0] });
    session.send({ type: "message:received", message: server.post(conversation, ben.me, "five") });
    session.send({ type: "caught:up", conversationId, rev: missed[0]?.rev });
  };
  server.reachable = true;
  await pass(3000);
  expect(texts(annas)).toEqual(["one", "two", "three", "four", "five"]);
  expect(annas.store.getSnapshot().completeUpTo).toBe(conversation.lastRev);
});

test("a lost event is noticed at the next one and asked for", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  server.post(conversation, ben.me, "one");
  await pass(50);
  let lost = 0;
  server.loses = () => lost++ < 2;
  for (const text of ["two", "three", "four"]) server.post(conversation, ben.me, text);
  await pass(1500);
  expect(texts(annas)).toEqual(["one", "two", "three", "four"]);
  expect(annas.store.getSnapshot().completeUpTo).toBe(conversation.lastRev);
});

test("a confirmation that overtakes an event is no gap", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  server.hubDelay = () => 300;
  server.received.length = 0;
  server.post(conversation, ben.me, "one");
  annas.send("two");
  await pass(100);
  expect(texts(annas)).toEqual(["two"]);
  expect(annas.store.getSnapshot().completeUpTo).toBe(1);
  await pass(500);
  expect(texts(annas)).toEqual(["one", "two"]);
  expect(annas.store.getSnapshot().completeUpTo).toBe(3);
  expect(server.received.some(({ frame }) => frame.type === "subscribe")).toBe(false);
});

test("a message that was stored and edited before its confirmation came shows the edit", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  await opened(ben, conversation.id);
  annas.send("firts");
  await pass(8);
  server.cut();
  server.reachable = false;
  const [stored] = conversation.messages;
  expect(stored?.content).toBe("firts");
  server.revise(conversation, stored?.id as string, "first");
  server.reachable = true;
  await pass(40_000);
  expect(texts(annas)).toEqual(["first"]);
  expect(annas.store.getSnapshot().completeUpTo).toBe(conversation.lastRev);
});

test("a subscribe that fails is repeated", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = anna.client.conversation(conversation.id);
  const real = server.receive.bind(server);
  let failures = 2;
  server.receive = (session, frame) => {
    if (frame.type === "subscribe" && failures-- > 0) {
      const ref = conversation.id;
      session.send({ type: "error", error: "Slow.", code: "DB_TIMEOUT", retryable: true, retryAfterMs: 1000, ref });
    } else real(session, frame);
  };
  annas.open();
  await pass(500);
  server.post(conversation, ben.me, "one");
  await pass(6000);
  expect(texts(annas)).toEqual(["one"]);
});

test("a closed conversation catches up when it is opened again", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  server.post(conversation, ben.me, "one");
  await pass(50);
  annas.close();
  await pass(50);
  server.post(conversation, ben.me, "two");
  await pass(2000);
  expect(texts(annas)).toEqual(["one"]);
  annas.open();
  await pass(100);
  expect(texts(annas)).toEqual(["one", "two"]);
});

test("a conversation of which much was missed is opened by its newest page", async () => {
  const { server, anna, ben, conversation } = await stage();
  for (let i = 1; i <= 300; i++) server.post(conversation, ben.me, `m${i}`);
  await pass(20);
  server.received.length = 0;
  const annas = await opened(anna, conversation.id);
  expect(texts(annas)).toHaveLength(50);
  expect(server.received.find(({ frame }) => frame.type === "subscribe")?.frame.conversations).toEqual([
    { conversationId: conversation.id, afterRev: conversation.lastRev },
  ]);
  await settled(annas.loadOlder());
  expect(texts(annas)).toHaveLength(100);
});
