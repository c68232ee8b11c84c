import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Message } from "../src/index.js";
import { FakeServer } from "../src/testing/fake-server.js";
import { Timeline } from "../src/timeline.js";
import { opened, pass, seeded, settled, stage } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

type Act = "send" | "edit" | "delete" | "rename";

/** Lets something happen in a conversation. */
function act(server: FakeServer, c: ReturnType<FakeServer["converse"]>, what: Act, random: () => number): void {
  const sender = c.people[Math.floor(random() * c.people.length)] as string;
  const message = c.messages[Math.floor(random() * c.messages.length)];
  if (what === "rename") {
    c.title = `title ${random()}`;
    server.announceRoster(c);
  } else if (what === "send" || !message) server.post(c, sender, `text ${random()}`);
  else server.revise(c, message.id, what === "edit" ? `edited ${random()}` : null);
}

const acts: Act[] = ["send", "edit", "delete", "rename"];

for (const what of acts) {
  test(`an old snapshot and the events of a ${what} are the new snapshot`, async () => {
    const { server, anna, ben } = await stage();
    const group = server.converse("group", [anna.me, ben.me], "Plans");
    for (let i = 0; i < 5; i++) server.post(group, ben.me, `m${i}`);
    const followed = await opened(anna, group.id);
    act(server, group, what, seeded(7));
    await pass(100);
    const fresh = await opened(ben, group.id);
    const state = (handle: typeof fresh) => {
      const { messages, completeUpTo, conversation } = handle.store.getSnapshot();
      const { title, participants, lastMessage, lastSeq } = conversation as NonNullable<typeof conversation>;
      return {
        messages: messages.map(({ message }) => message),
        completeUpTo,
        title,
        participants,
        lastMessage,
        lastSeq,
      };
    };
    expect(state(followed)).toEqual(state(fresh));
  });
}

test("any snapshot and any difference of states past it, cut anywhere, doubled and shuffled, are the new snapshot", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = seeded(seed);
    const server = new FakeServer();
    const people = ["a", "b", "c"].map((name) => server.store.person(name, "").id);
    const c = server.converse("group", people);
    const step = () => act(server, c, acts[Math.floor(random() * acts.length)] as Act, random);
    for (let i = Math.floor(random() * 20); i >= 0; i--) step();

    const timeline = new Timeline();
    timeline.leap(c.lastRev);
    // The page may be newer than the rev that was read before it.
    for (let i = Math.floor(random() * 3); i > 0; i--) step();
    const page = c.messages.slice(-Math.ceil(random() * 10));
    for (let i = Math.floor(random() * 20); i >= 0; i--) step();
    timeline.page(page, page.length === c.messages.length);

    // A difference of states, of which a part comes, and then the rest from where that part ended.
    const first = server.store.changes(c, timeline.upTo as number);
    for (const { rev, event } of first.slice(0, Math.floor(random() * (first.length + 1)))) {
      if (event.message) timeline.upsert(event.message as Message);
      timeline.leap(rev);
    }
    step();
    for (const { rev, event } of server.store.changes(c, timeline.upTo as number)) {
      if (event.message) timeline.upsert(event.message as Message);
      timeline.leap(rev);
    }
    timeline.leap(c.lastRev);

    // Live events, doubled and in any order: none is missing at the end, so all are followed.
    const live: Message[] = [];
    for (let i = 0; i < 5; i++) live.push(server.post(c, people[0] as string, `live ${i}`));
    for (const message of [...live, ...live].sort(() => random() - 0.5)) {
      timeline.upsert(message);
      timeline.note(message.rev);
    }
    expect(timeline.upTo, `seed ${seed}`).toBe(c.lastRev);
    // The old page once more undoes nothing, and what is older than it completes it.
    timeline.page(page, false);
    timeline.page(c.messages.slice(0, (page[0]?.seq ?? 1) - 1), true);
    const shown = timeline.messages();
    expect(shown, `seed ${seed}`).toEqual(c.messages);
    for (const reader of people) {
      const unread = c.messages.filter((m) => m.seq > 3 && m.senderId !== reader && m.deletedAt === null).length;
      expect(timeline.unread(3, reader)).toBe(unread);
    }
  }
});

test("older pages do not undo what happened since", async () => {
  const { server, anna, ben, conversation } = await stage();
  for (let i = 0; i < 130; i++) server.post(conversation, ben.me, `m${i}`);
  const annas = await opened(anna, conversation.id);
  for (const at of [0, 20, 60]) server.revise(conversation, conversation.messages[at]?.id as string, `edited ${at}`);
  server.revise(conversation, conversation.messages[10]?.id as string, null);
  await pass(50);
  expect(annas.store.getSnapshot().messages[0]?.message.seq).toBe(81);
  await settled(annas.loadOlder());
  await settled(annas.loadOlder());
  expect(annas.store.getSnapshot().messages.map(({ message }) => message)).toEqual(conversation.messages);
});
