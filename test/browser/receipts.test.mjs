import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();

/** Two people with a conversation that both have open, and one message that both have read. */
async function pair(first, second) {
  const [a, b] = [await scene.person(first), await scene.person(second)];
  await b.page.clock.install();
  await a.register();
  await b.register();
  await a.startChat(b);
  await a.send("Before");
  await b.open(a.name);
  await a.reaches("Before", "read");
  return [a, b];
}

/** The window of somebody loses the focus, or gets it. */
function focus(person, focused) {
  return person.page.evaluate((has) => {
    document.hasFocus = () => has;
    dispatchEvent(new Event(has ? "focus" : "blur"));
  }, focused);
}

/** Something is sent to somebody whose window has not the focus, and it is there for a long while. */
async function unlooked(from, to, text) {
  await focus(to, false);
  await from.send(text);
  await to.message(text).waitFor();
  await from.reaches(text, "delivered");
  await to.page.clock.runFor(5_000);
  // What the other has sent is known here before what they write now.
  assert.equal(await from.message(text).locator("[data-status=delivered]").count(), 1);
  assert.match(await to.page.title(), /^\(1\)/);
}

async function choose(page, option) {
  await page.getByRole("button", { name: "Options for this conversation" }).click();
  await page.getByRole("menuitem", { name: option }).click();
}

test("a message that was on the screen for a second has been read, and who reads it is told with the time", async () => {
  const [amy, bob] = await pair("amy", "bob");
  await amy.send("Look");
  await amy.reaches("Look", "read");
  await bob.page.waitForFunction(() => document.title === "Parley");
  await amy.message("Look").getByRole("button", { name: "Read" }).click();
  const reader = amy.page.getByRole("dialog").getByRole("listitem");
  await reader.getByText("Bob").waitFor();
  assert.ok(Date.parse(await reader.locator("time").getAttribute("datetime")) > 0);
});

test("nothing is read in a window without the focus, and with the focus what it shows", async () => {
  const [cat, dan] = await pair("cat", "dan");
  await unlooked(cat, dan, "Later");
  await focus(dan, true);
  await cat.reaches("Later", "read");
});

test("nothing is read on a hidden page", async () => {
  const [eli, fia] = await pair("eli", "fia");
  const hide = (state) =>
    fia.page.evaluate((now) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, value: now });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await hide("hidden");
  await eli.send("Hidden");
  await eli.reaches("Hidden", "delivered");
  await fia.page.clock.runFor(5_000);
  assert.match(await fia.page.title(), /^\(1\)/);
  await hide("visible");
  await eli.reaches("Hidden", "read");
});

test("who replies has read", async () => {
  const [gil, hua] = await pair("gil", "hua");
  await unlooked(gil, hua, "A question");
  await hua.send("An answer");
  await gil.reaches("A question", "read");
  await hua.page.waitForFunction(() => document.title === "Parley");
});

test("who says so has read", async () => {
  const [ian, joy] = await pair("ian", "joy");
  await unlooked(ian, joy, "A long story");
  await choose(joy.page, "Mark as read");
  await ian.reaches("A long story", "read");
  await joy.page.waitForFunction(() => document.title === "Parley");
});

test("who lets nobody know what they read is never shown to have read", async () => {
  const [kai, lea] = await pair("kai", "lea");
  const switched = lea.page.getByLabel("Let others see what I have read");
  await lea.page.getByRole("button", { name: "Settings" }).click();
  await switched.uncheck();
  await kai.reaches("Before", "delivered");
  await lea.page.keyboard.press("Escape");

  await kai.send("A secret");
  await lea.message("A secret").waitFor();
  await lea.page.clock.runFor(3_000);
  await lea.page.waitForFunction(() => document.title === "Parley");
  await lea.send("I say nothing");
  await kai.message("I say nothing").waitFor();
  assert.equal(await kai.log.locator("[data-status=read]").count(), 0);
  await kai.page.reload();
  await kai.message("I say nothing").waitFor();
  // What is told after the reload is told before this comes.
  await lea.send("Still nothing");
  await kai.message("Still nothing").waitFor();
  assert.equal(await kai.log.locator("[data-status=read]").count(), 0);

  await lea.page.reload();
  await lea.page.getByRole("button", { name: "Settings" }).click();
  assert.equal(await switched.isChecked(), false);
  await switched.check();
  await kai.reaches("A secret", "read");
});

test("a reconnect makes no tick, badge or line flicker", async () => {
  const [max, nia] = await pair("max", "nia");
  const [old] = [await scene.server.account("old.friend", "Old friend")];
  await max.send("One");
  await max.reaches("One", "read");
  await nia.send("Two");
  await max.message("Two").waitFor();
  // Something that stays unread, and has its badge.
  const { users } = await scene.server.call("GET", "/users/search?q=max", { token: old.accessToken });
  const { id } = await scene.server.call("POST", "/conversations", {
    token: old.accessToken,
    body: { type: "direct", participantIds: [users[0].id] },
  });
  await scene.server.call("POST", `/conversations/${id}/messages`, {
    token: old.accessToken,
    body: { content: "Are you there?", clientMessageId: "flicker-1" },
  });
  await max.row("Old friend").getByText("1 unread message").waitFor();
  await max.page.waitForFunction(() => document.title === "(1) Parley");

  await max.page.evaluate(() => {
    const look = () => {
      const ticks = [...document.querySelectorAll("[role=log] [data-message]")].map((row) => {
        const tick = row.querySelector("[data-status]");
        return `${row.querySelector(".letter")?.textContent} ${tick?.dataset.status ?? ""} ${tick?.title ?? ""}`;
      });
      const rows = [...document.querySelectorAll("nav [data-row]")].map((row) => row.textContent);
      return JSON.stringify([document.title, ticks, rows]);
    };
    window.seen = [look()];
    new MutationObserver(() => {
      const now = look();
      if (window.seen.at(-1) !== now) window.seen.push(now);
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  });
  for (const signal of ["SIGKILL", "SIGTERM"]) {
    await scene.server.kill(signal);
    await max.page.locator("[data-connection]").waitFor();
    await scene.server.run();
    await max.page.locator("[data-connection]").waitFor({ state: "detached" });
  }
  // What comes after the reconnect comes after all that was told by it.
  await nia.page.locator("[data-connection]").waitFor({ state: "detached" });
  await nia.send("Three");
  await max.message("Three").waitFor();
  const seen = (await max.page.evaluate(() => window.seen)).filter((state) => !state.includes("Three"));
  assert.deepEqual(seen.slice(1), []);
});

/** A group of the person and so many others, by REST; the token of each of the others. */
async function crowd(person, others) {
  const { accessToken: token } = await scene.server.account(person.username, person.name);
  const people = [];
  for (let n = 0; n < others; n++) {
    people.push(await scene.server.account(`${person.username}.${n}`, `${person.name} ${n}`));
  }
  const { id } = await scene.server.call("POST", "/conversations", {
    token,
    body: { type: "group", title: `All of ${person.name}`, participantIds: people.map(({ user }) => user.id) },
  });
  await person.signIn();
  await person.open(`All of ${person.name}`);
  return { id, tokens: people.map(({ accessToken }) => accessToken) };
}

test("in a large group a message is read by a number, and who they are is a click away", async () => {
  const ola = await scene.person("ola");
  const { id, tokens } = await crowd(ola, 11);
  await ola.send("Everybody?");
  await ola.reaches("Everybody?", "stored");
  const { messages } = await scene.server.call("GET", `/conversations/${id}/messages`, { token: tokens[0] });
  for (const [at, token] of tokens.entries()) {
    await scene.server.call("POST", `/conversations/${id}/read`, { token, body: { messageId: messages[0].id } });
    if (at === 4) await ola.message("Everybody?").getByRole("button", { name: "Read by 5" }).waitFor();
  }
  await ola.message("Everybody?").getByRole("button", { name: "Read by 11" }).click();
  await ola.page.getByRole("dialog", { name: "Read by 11" }).getByRole("listitem").nth(10).waitFor();
});

test("a conversation opens at its first unread message, and a button leads to the end", async () => {
  const pam = await scene.person("pam");
  const { id, tokens } = await crowd(pam, 2);
  const say = (n) =>
    scene.server.call("POST", `/conversations/${id}/messages`, {
      token: tokens[0],
      body: { content: `Line ${n}.`, clientMessageId: `unread-${n}` },
    });
  await say(0);
  await pam.send("Read so far");
  await pam.reaches("Read so far", "stored", "delivered", "read");
  await pam.page.goto(scene.server.url);
  await pam.page.reload();
  for (let n = 1; n <= 90; n++) await say(n);
  await pam.row("All of Pam").getByText("90 unread messages").waitFor();

  await pam.open("All of Pam");
  await pam.log.getByText("New", { exact: true }).waitFor();
  await pam.page.waitForFunction(() => {
    const box = document.querySelector("[role=log]").getBoundingClientRect();
    const row = [...document.querySelectorAll("[data-message]")].find((r) => r.textContent.includes("Line 1."));
    const at = row?.getBoundingClientRect();
    return at !== undefined && at.top >= box.top && at.top < box.top + box.height / 2;
  });
  await pam.page.getByRole("button", { name: "90 new messages" }).click();
  await pam.message("Line 90.").waitFor();
  await pam.page.waitForFunction(() => document.title === "Parley");
});
