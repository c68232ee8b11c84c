import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Friends } from "../src/friends.js";
import { Presence } from "../src/presence.js";
import { opened, pass, type Stage, settled, stage, statuses } from "./stage.js";

let set: Stage;
let anna: Friends;
let ben: Friends;

beforeEach(async () => {
  vi.useFakeTimers();
  set = await stage();
  anna = new Friends(set.anna.client);
  ben = new Friends(set.ben.client);
  await pass(100);
});

afterEach(() => {
  for (const friends of [anna, ben]) friends.dispose();
  for (const tab of [set.anna, set.ben]) tab.client.dispose();
  vi.useRealTimers();
});

const ties = (friends: Friends) =>
  friends.store.getSnapshot().friends.map(({ user, status }) => `${user.username} ${status}`);
const blocks = (friends: Friends) => friends.store.getSnapshot().blocks.map(({ user }) => user.username);

test("a request is seen by both, accepted, and ended", async () => {
  await settled(anna.ask(set.ben.me));
  expect([ties(anna), ties(ben)]).toEqual([["ben outgoing"], ["anna incoming"]]);
  await settled(ben.accept(set.anna.me));
  expect([ties(anna), ties(ben)]).toEqual([["ben friends"], ["anna friends"]]);
  await settled(anna.remove(set.ben.me));
  expect([ties(anna), ties(ben)]).toEqual([[], []]);
});

test("asking who has asked is accepting, and a request can be declined", async () => {
  await settled(anna.ask(set.ben.me));
  await settled(ben.ask(set.anna.me));
  expect(ties(anna)).toEqual(["ben friends"]);
  await settled(ben.remove(set.anna.me));
  await settled(anna.ask(set.ben.me));
  await settled(ben.remove(set.anna.me));
  expect([ties(anna), ties(ben)]).toEqual([[], []]);
  await expect(settled(ben.accept(set.anna.me))).rejects.toMatchObject({ code: "NOT_FOUND" });
});

test("what changed without a connection is there after it", async () => {
  set.server.reachable = false;
  for (const session of [...set.server.sessions]) if (session.userId === set.ben.me) session.cut();
  set.server.friends.befriend(set.anna.me, set.ben.me);
  await pass(5_000);
  expect(ties(ben)).toEqual([]);
  set.server.reachable = true;
  await pass(40_000);
  expect(ties(ben)).toEqual(["anna incoming"]);
  expect(ben.store.getSnapshot()).toMatchObject({ loaded: true, error: null });
});

test("a change while the lists are read is not lost", async () => {
  set.server.latency = () => 200;
  const reading = ben.reload();
  await pass(250);
  set.server.friends.befriend(set.anna.me, set.ben.me);
  await settled(reading, 3_000);
  expect(ties(ben)).toEqual(["anna incoming"]);
});

test("long lists come in pages, and stay as long as they were", async () => {
  for (let n = 0; n < 250; n++) {
    const { id } = set.server.store.person(`friend-${n}`, "longer than eight");
    set.server.friends.befriend(id, set.anna.me);
    set.server.friends.befriend(set.anna.me, id);
  }
  for (let n = 0; n < 150; n++) {
    set.server.friends.block(set.anna.me, set.server.store.person(`foe-${n}`, "longer than eight").id, true);
  }
  await pass(200);
  const fresh = new Friends(set.anna.client);
  await pass(200);
  expect([ties(fresh).length, blocks(fresh).length]).toEqual([100, 150]);
  await settled(fresh.loadMore());
  await settled(fresh.loadMore());
  expect(ties(fresh).length).toBe(250);
  expect(fresh.store.getSnapshot().hasMore).toBe(false);
  await settled(fresh.reload());
  expect(ties(fresh).length).toBe(250);
  fresh.dispose();
});

test("a block ends friendship, presence and direct messages, and only who blocked knows of it", async () => {
  const presence = new Presence(set.anna.client);
  await settled(anna.ask(set.ben.me));
  await settled(ben.accept(set.anna.me));
  await settled(ben.block(set.anna.me));
  expect([blocks(anna), blocks(ben)]).toEqual([[], ["anna"]]);
  expect([ties(anna), ties(ben)]).toEqual([[], []]);
  expect(presence.of(set.ben.me).getSnapshot()).toEqual({ userId: set.ben.me, status: "offline" });
  const handle = await opened(set.anna, set.conversation.id);
  handle.send("Are you there?");
  await pass(200);
  expect(statuses(handle)).toEqual(["failed"]);
  expect(handle.store.getSnapshot().messages[0]?.error?.code).toBe("FORBIDDEN");
  await settled(ben.unblock(set.anna.me));
  expect(blocks(ben)).toEqual([]);
  handle.retry(handle.store.getSnapshot().messages[0]?.key as string);
  await pass(200);
  expect(statuses(handle)).toEqual(["stored"]);
  presence.dispose();
});

test("a block from another of one's pages is seen here", async () => {
  set.server.friends.block(set.ben.me, set.anna.me, true);
  await pass(200);
  expect(blocks(ben)).toEqual(["anna"]);
  set.server.friends.block(set.ben.me, set.anna.me, false);
  await pass(200);
  expect(blocks(ben)).toEqual([]);
});

test("who signs in next sees nothing of the one before", async () => {
  await settled(anna.ask(set.ben.me));
  await settled(set.anna.client.logout());
  expect(anna.store.getSnapshot()).toMatchObject({ friends: [], blocks: [], loaded: false });
  await settled(set.anna.client.register({ username: "zoe", password: "longer than eight" }));
  await pass(200);
  expect(anna.store.getSnapshot()).toMatchObject({ friends: [], loaded: true });
});
