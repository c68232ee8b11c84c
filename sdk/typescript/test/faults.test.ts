import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MemoryStorage } from "../src/memory.js";
import { FakeServer } from "../src/testing/fake-server.js";
import { opened, pass, seeded, settled, Tab, texts } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A storage that takes some time. */
class SomeStorage extends MemoryStorage {
  readonly #random: () => number;

  constructor(random: () => number) {
    super();
    this.#random = random;
  }

  override async put(row: Parameters<MemoryStorage["put"]>[0]): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, this.#random() * 20));
    await super.put(row);
  }
}

interface Counts {
  /** Connections that ended and pages that were reloaded. */
  cuts: number;
  resent: number;
  stored: number;
}

/**
 * Anna and Ben write while everything that can break does, at a random moment: the socket is cut, the server
 * is away, a page is reloaded, tokens expire, events are lost, confirmations overtake events, sends are
 * refused. Afterwards the world heals.
 */
async function run(seed: number, counts: Counts): Promise<void> {
  const random = seeded(seed);
  vi.spyOn(Math, "random").mockImplementation(random);
  const server = new FakeServer();
  const tabs = [new Tab(server, new SomeStorage(random)), new Tab(server, new SomeStorage(random))];
  for (const [i, tab] of tabs.entries()) {
    await settled(tab.client.register({ username: `user${i}`, password: "longer than eight" }), 100);
  }
  const people = tabs.map((tab) => tab.me);
  const conversation = server.converse("direct", people);
  server.maxCatchUp = 1 + Math.floor(random() * 20);
  server.latency = () => random() * 30;
  server.hubDelay = () => random() * 60;
  const handles = [];
  for (const tab of tabs) handles.push(await opened(tab, conversation.id));

  const written: string[][] = [[], []];
  const steps = 8 + Math.floor(random() * 8);
  for (let step = 0; step < steps; step++) {
    const who = Math.floor(random() * 2);
    for (let i = Math.floor(random() * 3); i >= 0; i--) {
      const text = `${who}:${written[who]?.length}`;
      written[who]?.push(text);
      handles[who]?.send(text);
    }
    const fault = random();
    // Anywhere between "not yet durable" and "confirmed long ago".
    await pass(Math.floor(random() * 120));
    if (fault < 0.3) {
      counts.cuts++;
      server.cut();
    } else if (fault < 0.45) {
      counts.cuts++;
      server.reachable = false;
      server.cut();
      await pass(Math.floor(random() * 3000));
      server.reachable = true;
    } else if (fault < 0.6) {
      // A page that is reloaded loses what was not durable: that is the writer's to notice, and so it waits.
      await pass(25);
      counts.cuts++;
      const tab = tabs[who] as Tab;
      void tab.reload();
      await pass(Math.floor(random() * 200));
      await pass(100);
      handles[who] = tab.client.conversation(conversation.id);
      handles[who]?.open();
    } else if (fault < 0.7) {
      counts.cuts++;
      // A token that is refused right after it was made means the end of the login, which this is not.
      await pass(200);
      server.expireTokens();
      server.close(4401);
    } else if (fault < 0.8) {
      let left = 1 + Math.floor(random() * 3);
      server.loses = () => left-- > 0;
    } else if (fault < 0.9) {
      const code = random() < 0.5 ? "DB_TIMEOUT" : "RATE_LIMITED";
      server.refusals.push({ code, outcome: "unknown", retryAfterMs: Math.floor(random() * 500) });
    } else if (conversation.messages.length > 0) {
      const message = conversation.messages[Math.floor(random() * conversation.messages.length)];
      server.revise(conversation, message?.id as string, random() < 0.3 ? null : `${message?.content}+`);
    }
  }
  server.loses = () => false;
  // One more event for each, so that a loss at the very end is noticed as well.
  await pass(65_000);
  server.post(conversation, people[0] as string, "0:end");
  await pass(5000);

  const problem = `seed ${seed}`;
  const contents = conversation.messages.map((message) => message.content.replaceAll("+", ""));
  for (const who of [0, 1]) {
    const stored = conversation.messages.filter(
      ({ senderId, content }) => senderId === people[who] && content !== "0:end",
    );
    expect(stored.length, problem).toBe(written[who]?.length);
    const kept = stored.map(({ content, deletedAt }, i) => (deletedAt === null ? content : written[who]?.[i]));
    expect(
      kept.map((content) => content?.replaceAll("+", "")),
      problem,
    ).toEqual(written[who]);
    expect(await tabs[who]?.storage.load(people[who] as string), problem).toEqual([]);
    const handle = handles[who];
    if (handle?.store.getSnapshot().hasOlder) await settled(handle.loadOlder(), 5000);
    expect(handle && texts(handle).map((text) => text.replaceAll("+", "")), problem).toEqual(contents);
    expect(
      handle?.store.getSnapshot().messages.map(({ message }) => message),
      problem,
    ).toEqual(conversation.messages);
    expect(handle?.store.getSnapshot().completeUpTo, problem).toBe(conversation.lastRev);
  }
  counts.stored += conversation.messages.length;
  const sends = server.received.filter(({ frame }) => frame.type === "message:send");
  counts.resent += sends.length - new Set(sends.map(({ frame }) => frame.clientMessageId)).size;
  for (const tab of tabs) tab.client.dispose();
}

const wanted = Number(process.env.PARLEY_CUTS ?? 1000);

test(`${wanted} cuts at random moments lose, double and reorder nothing`, { timeout: 600_000 }, async () => {
  const counts: Counts = { cuts: 0, resent: 0, stored: 0 };
  for (let seed = 1; counts.cuts < wanted; seed++) {
    await run(seed, counts);
    vi.restoreAllMocks();
  }
  expect(counts.resent).toBeGreaterThan(0);
  console.log(`${counts.stored} messages, ${counts.cuts} cuts, ${counts.resent} resent`);
});
