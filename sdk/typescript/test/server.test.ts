import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket as NodeWebSocket } from "ws";
import { Friends } from "../src/friends.js";
import { type ConversationViewState, MemoryStorage, ParleyClient } from "../src/index.js";
import { Presence, thisDevice } from "../src/presence.js";
import { fetchWithCookies, ServerProcess, until } from "./node.js";

const server = new ServerProcess();

beforeAll(async () => {
  await server.build();
  await server.start();
}, 240_000);

afterAll(() => server.remove());

const WebSocket = NodeWebSocket as unknown as typeof globalThis.WebSocket;

function page(fetch = fetchWithCookies(), storage = new MemoryStorage()) {
  const device = thisDevice();
  const open = () => new ParleyClient({ baseUrl: server.baseUrl, fetch, storage, WebSocket, device });
  return { client: open(), storage, reopen: open };
}

test("two people chat through kill -9 and restart of the server, and nothing is lost or doubled", {
  timeout: 120_000,
}, async () => {
  const anna = page();
  const ben = page();
  await anna.client.register({ username: "anna", password: "longer than eight", displayName: "Anna" });
  await ben.client.register({ username: "ben", password: "longer than eight" });
  const [found] = await anna.client.api.searchUsers("be");
  expect(found?.username).toBe("ben");
  const { id } = await anna.client.api.createConversation({ type: "direct", participantIds: [found?.id as string] });
  const annas = anna.client.conversation(id);
  const bens = ben.client.conversation(id);
  annas.open();
  bens.open();
  const complete = (count: number) => (state: ConversationViewState) =>
    state.messages.length === count &&
    state.messages.every(({ status }) => ["stored", "delivered", "read"].includes(status));

  const written = { anna: [] as string[], ben: [] as string[] };
  const write = (who: "anna" | "ben", count: number) => {
    for (let i = 0; i < count; i++) {
      const text = `${who} ${written[who].length}`;
      written[who].push(text);
      (who === "anna" ? annas : bens).send(text);
    }
  };
  write("anna", 5);
  write("ben", 5);
  await Promise.all([until(annas.store, complete(10)), until(bens.store, complete(10))]);

  // The server dies while a burst is on its way, and more is written while it is away.
  for (let round = 0; round < 3; round++) {
    write("anna", 20);
    write("ben", 10);
    const arrived = annas.store.getSnapshot().messages.filter(({ status }) => status !== "queued").length;
    await until(
      annas.store,
      ({ messages }) => messages.filter(({ status }) => status !== "queued").length > arrived + 3,
    );
    await server.kill();
    write("anna", 5);
    await until(anna.client.connection, ({ state }) => state !== "online");
    await server.start();
    anna.client.reconnectNow();
    ben.client.reconnectNow();
    const all = written.anna.length + written.ben.length;
    await Promise.all([until(annas.store, complete(all)), until(bens.store, complete(all))]);
  }

  // A page is closed with a full outbox while the server is away, and opened again.
  await server.kill();
  await until(anna.client.connection, ({ state }) => state !== "online");
  write("anna", 10);
  await until(annas.store, ({ messages }) => messages.length === written.anna.length + written.ben.length);
  const annasId = anna.client.session.getSnapshot().user?.id as string;
  anna.client.dispose();
  expect(await anna.storage.load(annasId)).toHaveLength(10);
  await server.start();
  anna.client = anna.reopen();
  await anna.client.restore();
  const again = anna.client.conversation(id);
  again.open();
  ben.client.reconnectNow();
  const all = written.anna.length + written.ben.length;
  await until(bens.store, complete(all));
  await until(again.store, ({ loaded }) => loaded);
  while (again.store.getSnapshot().hasOlder) await again.loadOlder();
  await until(again.store, complete(all));
  // What was resent counts as known only once it has been read back.
  const end = bens.store.getSnapshot().completeUpTo;
  await until(again.store, ({ completeUpTo }) => completeUpTo === end);

  const [mine, theirs] = [again, bens].map((handle) => handle.store.getSnapshot());
  expect(mine?.messages.map(({ message }) => message)).toEqual(theirs?.messages.map(({ message }) => message));
  expect(mine?.messages.map(({ message }) => message.seq)).toEqual(Array.from({ length: all }, (_, i) => i + 1));
  expect(mine?.messages.filter((view) => view.mine).map(({ message }) => message.content)).toEqual(written.anna);
  expect(theirs?.messages.filter((view) => view.mine).map(({ message }) => message.content)).toEqual(written.ben);
  anna.client.dispose();
  ben.client.dispose();
});

test("a conversation is edited, renamed, read and left", { timeout: 60_000 }, async () => {
  const cora = page();
  const dan = page();
  await cora.client.register({ username: "cora", password: "longer than eight" });
  await dan.client.register({ username: "dan", password: "longer than eight" });
  const dansId = dan.client.session.getSnapshot().user?.id as string;
  await until(dan.client.connection, ({ state }) => state === "online");
  const { id } = await cora.client.api.createConversation({ type: "group", participantIds: [dansId], title: "Tea" });
  await until(dan.client.conversations, ({ items }) => items[0]?.title === "Tea");

  const coras = cora.client.conversation(id);
  const dans = dan.client.conversation(id);
  coras.open();
  await until(coras.store, ({ loaded }) => loaded);
  coras.send("one");
  coras.send("two");
  await until(
    dan.client.conversations,
    ({ items }) => items[0]?.unreadCount === 2 && items[0].lastMessage?.content === "two",
  );
  dans.open();
  await until(dans.store, ({ messages }) => messages.length === 2);
  await until(coras.store, ({ messages }) => messages[1]?.status === "delivered");
  dans.markRead(dans.store.getSnapshot().messages[1]?.message.id as string);
  await until(dan.client.conversations, ({ totalUnread }) => totalUnread === 0);

  coras.typing();
  await until(dans.store, ({ typing }) => typing.length === 1);
  coras.send("three");
  await until(dans.store, ({ typing, messages }) => typing.length === 0 && messages.length === 3);
  coras.typing();
  await until(dans.store, ({ typing }) => typing.length === 1);
  const [one, two] = coras.store.getSnapshot().messages.map(({ message }) => message.id) as [string, string];
  await coras.edit(one, "uno");
  await coras.delete(two);
  await until(
    dans.store,
    ({ messages }) => messages[0]?.message.content === "uno" && messages[1]?.message.deletedAt !== null,
  );
  await expect(dans.edit(one, "not mine")).rejects.toMatchObject({ code: "FORBIDDEN" });

  await cora.client.api.renameConversation(id, "Coffee");
  await until(dans.store, ({ conversation }) => conversation?.title === "Coffee");
  await until(coras.store, ({ completeUpTo }) => completeUpTo === dans.store.getSnapshot().completeUpTo);
  await cora.client.api.removeParticipant(id, dansId);
  await until(dans.store, ({ removed }) => removed === "removed");
  await until(dan.client.conversations, ({ items }) => items.length === 0);
  await cora.client.logout();
  expect(cora.client.session.getSnapshot()).toEqual({ status: "signed-out", user: null, error: null });
  cora.client.dispose();
  dan.client.dispose();
});

test("people see who of their friends is here, until they hide, are blocked or go", { timeout: 60_000 }, async () => {
  const [eva, fin] = [page().client, page().client];
  const [evas, fins] = [new Presence(eva), new Presence(fin)];
  await eva.register({ username: "eva", password: "longer than eight" });
  await fin.register({ username: "fin", password: "longer than eight" });
  const [evasId, finsId] = [eva, fin].map((client) => client.session.getSnapshot().user?.id) as [string, string];
  const [evaKnows, finKnows] = [new Friends(eva), new Friends(fin)];
  const loaded = ({ loaded }: { loaded: boolean }) => loaded;
  await Promise.all([until(evaKnows.store, loaded), until(finKnows.store, loaded)]);
  const here = evas.of(finsId);

  await evaKnows.ask(finsId);
  await until(finKnows.store, ({ friends }) => friends[0]?.status === "incoming" && friends[0].user.username === "eva");
  await finKnows.accept(evasId);
  await until(evaKnows.store, ({ friends }) => friends[0]?.status === "friends");
  await until(here, (presence) => presence?.status === "online" && presence.device === "desktop");

  fin.activity = "away";
  fin.send({ type: "presence:heartbeat", status: "away" });
  await until(here, (presence) => presence?.status === "away");
  fins.set("invisible");
  await until(here, (presence) => presence?.status === "offline" && presence.lastSeenAt !== undefined);
  await until(fins.of(finsId), (presence) => presence?.status === "invisible");
  expect(await fin.api.updateMe({ presenceInvisible: false })).toMatchObject({ presenceInvisible: false });
  await until(here, (presence) => presence !== null && presence.status !== "offline");

  await finKnows.block(evasId);
  await until(here, (presence) => presence?.status === "offline" && presence.lastSeenAt === undefined);
  await until(evaKnows.store, ({ friends }) => friends.length === 0);
  await expect(evaKnows.ask(finsId)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(finKnows.store.getSnapshot().blocks.map(({ user }) => user.id)).toEqual([evasId]);
  await finKnows.unblock(evasId);
  await finKnows.ask(evasId);
  await until(evaKnows.store, ({ friends }) => friends[0]?.status === "incoming");
  await evaKnows.accept(finsId);
  await until(here, (presence) => presence !== null && presence.status !== "offline");
  await fin.logout();
  await until(here, (presence) => presence?.status === "offline" && presence.lastSeenAt !== undefined);
  for (const one of [evas, fins, evaKnows, finKnows, eva, fin]) one.dispose();
});
