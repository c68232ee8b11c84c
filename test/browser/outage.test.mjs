import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();

async function pair(first, second) {
  const [a, b] = [await scene.person(first), await scene.person(second)];
  await a.register();
  await b.register();
  await a.startChat(b);
  await a.send("Before");
  await b.open(a.name);
  await b.shows(["Before"]);
  return [a, b];
}

/** What the server has of the open conversation, oldest first. */
async function stored(person) {
  const id = new URL(person.page.url()).hash.slice("#/c/".length);
  const { accessToken } = await scene.server.call("POST", "/auth/login", {
    body: { username: person.username, password: `${person.username}-password` },
  });
  const { messages } = await scene.server.call("GET", `/conversations/${id}/messages?limit=100`, {
    token: accessToken,
  });
  return messages.reverse();
}

test("ten messages written while the server is killed arrive once and in order when it is back", async () => {
  const [mia, ned] = await pair("mia", "ned");
  const texts = Array.from({ length: 10 }, (_, n) => `Message ${n + 1}`);
  for (const text of texts.slice(0, 3)) await mia.send(text);
  await scene.server.kill();
  for (const text of texts.slice(3)) await mia.send(text);
  await mia.reaches("Message 10", "queued", "sending");
  await mia.page
    .locator("[data-connection]")
    .getByText(/\d+ messages? waiting/)
    .waitFor();
  await ned.page.locator("[data-connection]").waitFor();

  await scene.server.run();
  await mia.shows(["Before", ...texts]);
  await ned.shows(["Before", ...texts]);
  await mia.reaches("Message 10", "delivered", "read");
  assert.equal(await mia.log.locator("[data-status=queued], [data-status=sending], [data-status=failed]").count(), 0);
  await mia.page.locator("[data-connection]").waitFor({ state: "detached" });

  const messages = await stored(mia);
  assert.deepEqual(
    messages.map((m) => m.content),
    ["Before", ...texts],
  );
  assert.deepEqual(
    messages.map((m) => m.seq),
    Array.from({ length: 11 }, (_, n) => n + 1),
  );
});

test("a full outbox survives that the page is closed while the server is away", async () => {
  const [ole, pia] = await pair("ole", "pia");
  const address = ole.page.url();
  await scene.server.kill();
  const texts = Array.from({ length: 5 }, (_, n) => `Kept ${n + 1}`);
  for (const text of texts) await ole.send(text);
  await ole.reaches("Kept 5", "queued");
  await ole.page.close();

  await scene.server.run();
  ole.page = await ole.context.newPage();
  await ole.page.goto(address);
  await ole.shows(["Before", ...texts]);
  await ole.reaches("Kept 5", "stored", "delivered", "read");
  await pia.shows(["Before", ...texts]);
  assert.deepEqual(
    (await stored(ole)).map((m) => m.content),
    ["Before", ...texts],
  );
});

test("what was missed while the network was away is there when it is back", async () => {
  const [quin, ria] = await pair("quin", "ria");
  await ria.context.setOffline(true);
  await quin.send("While you were away");
  await quin.reaches("While you were away", "stored");
  await ria.context.setOffline(false);
  await quin.send("And now");
  await ria.shows(["Before", "While you were away", "And now"]);
});
