import { vi } from "vitest";
import { type ConversationHandle, type OutboxStorage, ParleyClient } from "../src/index.js";
import { MemoryStorage } from "../src/memory.js";
import { type CookieJar, type FakeConversation, FakeServer } from "../src/testing/fake-server.js";

/** One browser of one person, which can be reloaded: cookie and storage survive, the page does not. */
export class Tab {
  readonly jar: CookieJar;
  readonly storage: OutboxStorage;
  readonly #server: FakeServer;
  readonly #slot: { slot?: string };
  client: ParleyClient;

  /** With another's jar it is a second tab of that browser. */
  constructor(server: FakeServer, storage: OutboxStorage = new MemoryStorage(), jar: CookieJar = {}, slot?: string) {
    this.#server = server;
    this.storage = storage;
    this.jar = jar;
    this.#slot = slot === undefined ? {} : { slot };
    this.client = this.#page();
  }

  #page(): ParleyClient {
    return new ParleyClient({ ...this.#server.browser(this.jar), ...this.#slot, storage: this.storage });
  }

  /** The page is thrown away in the middle of whatever it does, and loaded again. */
  reload(): Promise<void> {
    this.client.dispose();
    this.client = this.#page();
    return this.client.restore();
  }

  get me(): string {
    return this.client.session.getSnapshot().user?.id ?? "";
  }
}

// Taken before the timers are faked: after each timer everything that is not a timer gets its turn.
const immediate = setImmediate;
const turn = () => new Promise((resolve) => immediate(resolve));

/** Lets the clock run. This is what `vi.advanceTimersByTimeAsync` does, a hundred times as fast. */
export async function pass(ms: number): Promise<void> {
  let over = false;
  setTimeout(() => {
    over = true;
  }, ms);
  await turn();
  while (!over) {
    vi.advanceTimersToNextTimer();
    await turn();
  }
}

/** Lets a promise of the client come to its end while the clock runs. */
export async function settled<T>(promise: Promise<T>, within = 1000): Promise<T> {
  const outcome = promise.then(
    (value) => ({ value }),
    (error) => ({ error }),
  );
  await pass(within);
  const ended = (await outcome) as { value?: T; error?: unknown };
  if ("error" in ended) throw ended.error;
  return ended.value as T;
}

export interface Stage {
  server: FakeServer;
  anna: Tab;
  ben: Tab;
  conversation: FakeConversation;
}

/** Anna and Ben, both online, with a conversation that both know of. */
export async function stage(): Promise<Stage> {
  const server = new FakeServer();
  const anna = new Tab(server);
  const ben = new Tab(server);
  await settled(anna.client.register({ username: "anna", password: "longer than eight" }));
  await settled(ben.client.register({ username: "ben", password: "longer than eight" }));
  const conversation = server.converse("direct", [anna.me, ben.me]);
  await pass(100);
  return { server, anna, ben, conversation };
}

/** Opens a conversation and waits until it is there. */
export async function opened(tab: Tab, id: string): Promise<ConversationHandle> {
  const handle = tab.client.conversation(id);
  handle.open();
  await pass(200);
  return handle;
}

export function texts(handle: ConversationHandle): string[] {
  return handle.store.getSnapshot().messages.map((view) => view.message.content);
}

export function statuses(handle: ConversationHandle): string[] {
  return handle.store.getSnapshot().messages.map((view) => view.status);
}

/** Numbers that look random and are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
