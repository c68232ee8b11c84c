import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OutboxRow } from "../src/index.js";
import { MemoryStorage } from "../src/memory.js";
import { checkContent } from "../src/outbox.js";
import { opened, pass, settled, stage, statuses, Tab, texts } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A storage that takes its time. */
class SlowStorage extends MemoryStorage {
  override async put(row: OutboxRow): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await super.put(row);
  }
}

async function slowStage() {
  const { server, ben } = await stage();
  const anna = new Tab(server, new SlowStorage());
  await settled(anna.client.login({ username: "anna", password: "longer than eight" }));
  const conversation = server.converse("direct", [anna.me, ben.me]);
  return { server, anna, ben, conversation };
}

describe("the outbox", () => {
  test("does not send a message before it is durable", async () => {
    const { server, anna, conversation } = await slowStage();
    const annas = await opened(anna, conversation.id);
    annas.send("hello");
    await pass(450);
    expect(statuses(annas)).toEqual(["queued"]);
    expect(server.received.some(({ frame }) => frame.type === "message:send")).toBe(false);
    await pass(100);
    expect(statuses(annas)).toEqual(["stored"]);
    expect(await anna.storage.load(anna.me)).toEqual([]);
  });

  test("sends a message whose storage does not answer", async () => {
    const { anna, conversation } = await stage();
    vi.spyOn(anna.storage, "put").mockReturnValue(new Promise(() => {}));
    const annas = await opened(anna, conversation.id);
    annas.send("hello");
    await pass(2900);
    expect(statuses(annas)).toEqual(["queued"]);
    await pass(200);
    expect(statuses(annas)).toEqual(["stored"]);
  });

  test("keeps what is written offline and sends it in order when the network is back", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    server.reachable = false;
    server.cut();
    const written = Array.from({ length: 50 }, (_, i) => `m${i}`);
    for (const text of written) annas.send(text);
    await pass(1000);
    expect(new Set(statuses(annas))).toEqual(new Set(["queued"]));
    expect(texts(annas)).toEqual(written);
    server.reachable = true;
    await pass(40_000);
    expect(conversation.messages.map((message) => message.content)).toEqual(written);
    expect(texts(annas)).toEqual(written);
    expect(new Set(statuses(annas))).toEqual(new Set(["stored"]));
  });

  test("survives a reload, and what the server has already is not doubled", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    annas.send("arrived, unanswered");
    await pass(8);
    expect(conversation.messages).toHaveLength(1);
    server.cut();
    server.reachable = false;
    for (let i = 0; i < 20; i++) annas.send(`m${i}`);
    await pass(50);
    anna.client.dispose();
    server.reachable = true;
    await settled(anna.reload());
    const again = await opened(anna, conversation.id);
    await pass(5000);
    const expected = ["arrived, unanswered", ...Array.from({ length: 20 }, (_, i) => `m${i}`)];
    expect(conversation.messages.map((message) => message.content)).toEqual(expected);
    expect(texts(again)).toEqual(expected);
    expect(await anna.storage.load(anna.me)).toEqual([]);
  });

  test("is one person's: the next one on this device neither sees nor sends it", async () => {
    const { server, anna, ben, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    server.cut();
    server.reachable = false;
    annas.send("mine");
    await pass(50);
    await settled(anna.client.logout(), 20_000);
    server.reachable = true;
    await settled(anna.client.login({ username: "ben", password: "longer than eight" }));
    expect(anna.me).toBe(ben.me);
    const bens = await opened(anna, conversation.id);
    await pass(5000);
    expect(texts(bens)).toEqual([]);
    expect(conversation.messages).toEqual([]);
    await settled(anna.client.logout());
    await settled(anna.client.login({ username: "anna", password: "longer than eight" }));
    await pass(5000);
    expect(conversation.messages.map((message) => message.content)).toEqual(["mine"]);
  });

  test("waits as long as a rate limit says, for all conversations", async () => {
    const { server, anna, ben, conversation } = await stage();
    const other = server.converse("group", [anna.me, ben.me]);
    const annas = await opened(anna, conversation.id);
    server.refusals.push({ code: "RATE_LIMITED", retryAfterMs: 20_000 });
    annas.send("one");
    await pass(100);
    const [view] = annas.store.getSnapshot().messages;
    expect(view).toMatchObject({ status: "queued", error: { code: "RATE_LIMITED", retryAfterMs: 20_000 } });
    anna.client.conversation(other.id).send("two");
    await pass(19_000);
    expect(conversation.messages).toEqual([]);
    expect(other.messages).toEqual([]);
    // And a random part of the first second on top.
    await pass(2500);
    expect(texts(annas)).toEqual(["one"]);
    expect(other.messages.map((message) => message.content)).toEqual(["two"]);
  });

  test("resends what the database may have, and those behind it wait", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    for (let i = 0; i < 3; i++) server.refusals.push({ code: "DB_TIMEOUT", outcome: "unknown" });
    annas.send("one");
    annas.send("two");
    await pass(20_000);
    expect(conversation.messages.map((message) => message.content)).toEqual(["one", "two"]);
    expect(statuses(annas)).toEqual(["stored", "stored"]);
  });

  test("calls a message in doubt until a retry is confirmed, whatever that retry was rejected for", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const real = server.receive.bind(server);
    let lost = true;
    server.receive = (session, frame) => {
      if (frame.type === "message:send" && lost) {
        // It is stored, and the node cannot say so in time.
        lost = false;
        server.store.append(conversation, anna.me, String(frame.clientMessageId), String(frame.content));
        server.refusals.push({ code: "DB_TIMEOUT", outcome: "unknown" });
        for (let i = 0; i < 4; i++)
          server.refusals.push({ code: "DB_TIMEOUT", outcome: "rejected", reason: "overloaded" });
      }
      real(session, frame);
    };
    annas.send("one");
    const seen = new Set<unknown>();
    for (let at = 0; at < 30_000; at += 50) {
      await pass(50);
      const [view] = annas.store.getSnapshot().messages;
      expect(view?.status).not.toBe("failed");
      if (view?.error) seen.add(view.error.outcome);
    }
    expect(seen).toEqual(new Set(["unknown"]));
    expect(server.refusals).toEqual([]);
    expect(statuses(annas)).toEqual(["stored"]);
    expect(conversation.messages).toHaveLength(1);
  });

  test("does not call a message unsent that an earlier try may have stored, after a reload either", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    server.refusals.push({ code: "INTERNAL", outcome: "unknown" }, { code: "INTERNAL", outcome: "rejected" });
    annas.send("one");
    await pass(5000);
    const doubtful = { status: "failed", error: { code: "INTERNAL", outcome: "unknown" } };
    expect(annas.store.getSnapshot().messages).toMatchObject([doubtful]);

    await settled(anna.reload());
    const again = await opened(anna, conversation.id);
    expect(again.store.getSnapshot().messages).toMatchObject([doubtful]);
    const key = again.store.getSnapshot().messages[0]?.key as string;
    server.refusals.push({ code: "DB_TIMEOUT", reason: "overloaded" });
    again.retry(key);
    await pass(50);
    expect(again.store.getSnapshot().messages).toMatchObject([{ status: "queued", error: { outcome: "unknown" } }]);
    server.refusals.push({ code: "VALIDATION_ERROR" });
    await pass(5000);
    const refused = { status: "failed", error: { code: "VALIDATION_ERROR", outcome: "rejected" } };
    expect(again.store.getSnapshot().messages).toMatchObject([refused]);
  });

  test("hands back what was refused; the person retries or discards it", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    server.refusals.push({ code: "VALIDATION_ERROR" }, { code: "VALIDATION_ERROR" });
    const first = annas.send("one");
    const second = annas.send("two");
    annas.send("three");
    await pass(200);
    expect(texts(annas)).toEqual(["three", "one", "two"]);
    expect(statuses(annas)).toEqual(["stored", "failed", "failed"]);
    expect(annas.store.getSnapshot().messages[1]?.error?.code).toBe("VALIDATION_ERROR");

    await settled(anna.reload());
    const again = await opened(anna, conversation.id);
    expect(statuses(again)).toEqual(["stored", "failed", "failed"]);
    again.retry(first);
    again.discard(second);
    await pass(200);
    expect(texts(again)).toEqual(["three", "one"]);
    expect(again.store.getSnapshot().messages[1]?.key).toBe(first);
    expect(await anna.storage.load(anna.me)).toEqual([]);
  });

  test("resends what has no answer", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    const real = server.receive.bind(server);
    let swallowed = 0;
    server.receive = (session, frame) => {
      if (frame.type !== "message:send" || swallowed++ > 0) real(session, frame);
    };
    annas.send("one");
    await pass(15_000);
    expect(statuses(annas)).toEqual(["stored"]);
    expect(conversation.messages).toHaveLength(1);
  });

  test("has one message of a conversation on its way at a time, and four in all", async () => {
    const { server, anna, ben } = await stage();
    server.latency = () => 100;
    const groups = Array.from({ length: 6 }, () => server.converse("group", [anna.me, ben.me]));
    await pass(500);
    server.received.length = 0;
    for (const group of groups) for (const text of ["a", "b"]) anna.client.conversation(group.id).send(text);
    await pass(150);
    const first = server.received.filter(({ frame }) => frame.type === "message:send");
    expect(first.map(({ frame }) => frame.content)).toEqual(["a", "a", "a", "a"]);
    await pass(3000);
    for (const group of groups) expect(group.messages.map((message) => message.content)).toEqual(["a", "b"]);
  });

  test("shows what two tabs of one browser wrote once in each", async () => {
    const { server, anna, ben, conversation } = await stage();
    const other = new Tab(server, anna.storage);
    other.jar.refresh = anna.jar.refresh ?? null;
    const annas = await opened(anna, conversation.id);
    server.reachable = false;
    server.cut();
    annas.send("one");
    annas.send("two");
    await pass(50);
    server.reachable = true;
    await settled(other.reload());
    const others = await opened(other, conversation.id);
    await pass(40_000);
    expect(conversation.messages.map((message) => message.content)).toEqual(["one", "two"]);
    expect(texts(annas)).toEqual(["one", "two"]);
    expect(texts(others)).toEqual(["one", "two"]);
    expect(ben.me).not.toBe("");
  });
});

test("text is checked before it is queued", () => {
  expect(checkContent("fine\n\tfine 👍")).toBeNull();
  expect(checkContent("👍".repeat(4000))).toBeNull();
  for (const content of ["", " \n\t", "x".repeat(4001), "👍".repeat(4001), "a\0b", "a\ud800b", "\udc00"]) {
    expect(checkContent(content)).toMatchObject({ code: "VALIDATION_ERROR", retryable: false, outcome: "rejected" });
  }
});
