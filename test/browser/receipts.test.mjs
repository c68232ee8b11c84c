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
  assert.equal(await to.row(from.name).getByText("1 unread message").count(), 1);
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
  const reader = amy.page.getByRole("dialog", { name: "Read", exact: true }).getByRole("listitem");
  await reader.getByText("Bob").waitFor();
  assert.ok(Date.parse(await reader.locator("time").getAttribute("datetime")) > 0);
});

test("a message has not been read before it was there for a second", async () => {
  const [ben, cleo] = await pair("ben", "cleo");
  await cleo.page.clock.pauseAt(Date.now() + 60_000);
  await ben.send("Quick");
  await cleo.message("Quick").waitFor();
  await cleo.page.waitForFunction(() => document.title === "(1) Parley");
  await cleo.page.clock.runFor(900);
  assert.equal(await cleo.page.title(), "(1) Parley");
  await cleo.page.clock.runFor(200);
  assert.equal(await cleo.page.title(), "Parley");
  assert.notEqual(await ben.message("Quick").locator("[data-status]").getAttribute("data-status"), "read");
  await cleo.page.clock.runFor(1_000);
  await ben.reaches("Quick", "read");
});

test("a message of which less than half can be seen has not been read", async () => {
  const [dora, emil] = await pair("dora", "emil");
  await emil.page.goto(scene.server.url);
  await emil.page.reload();
  for (const [text, lines] of [
    ["First", 10],
    ["Second", 18],
  ]) {
    await dora.composer.fill(`${text}${"\nline".repeat(lines)}`);
    await dora.composer.press("Enter");
    await dora.reaches(text, "stored");
  }
  await emil.row("Dora").getByText("2 unread messages").waitFor();
  await emil.open("Dora");
  await emil.message("Second").waitFor();
  await emil.page.waitForFunction(() => document.title === "(1) Parley");
  const seen = await emil.message("Second").evaluate((row) => {
    const log = row.closest("[role=log]").getBoundingClientRect();
    const { top, height } = row.getBoundingClientRect();
    return [(log.bottom - top) / height, (log.bottom - top) / log.height];
  });
  for (const part of seen) assert.ok(part > 0.05 && part < 0.5, `of the message and of the list: ${seen}`);
  await emil.page.clock.runFor(5_000);
  assert.equal(await emil.page.title(), "(1) Parley");
  await emil.message("Second").evaluate((row) => row.scrollIntoView({ block: "end" }));
  await emil.page.waitForFunction(() => document.title === "Parley");
  await dora.reaches("Second", "read");
});

test("nothing is read in a window without the focus, and with the focus what it shows, below a line", async () => {
  const [cat, dan] = await pair("cat", "dan");
  const line = dan.log.getByText("New", { exact: true });
  await unlooked(cat, dan, "Later");
  await line.waitFor();
  const { y } = await line.boundingBox();
  assert.ok(y > (await dan.message("Before").boundingBox()).y && y < (await dan.message("Later").boundingBox()).y);
  await focus(dan, true);
  await cat.reaches("Later", "read");
  await dan.page.waitForFunction(() => document.title === "Parley");
  await dan.row("Cat").getByText("1 unread message").waitFor({ state: "detached" });
});

test("a message climbs from sending to stored, delivered and read, and never down", async () => {
  const [uma, vic] = [await scene.person("uma"), await scene.person("vic")];
  const held = [];
  let hold = false;
  let release;
  await uma.page.routeWebSocket(/\/ws/, (socket) => {
    const server = socket.connectToServer();
    release = () => {
      hold = false;
      for (const frame of held.splice(0)) socket.send(frame);
    };
    socket.onMessage((frame) => server.send(frame));
    server.onMessage((frame) => (hold ? held.push(frame) : socket.send(frame)));
  });
  await uma.register();
  await vic.register();
  await uma.startChat(vic);
  await uma.send("Before");
  await uma.reaches("Before", "stored");
  await uma.page.evaluate(() => {
    window.climbed = [];
    new MutationObserver(() => {
      const row = [...document.querySelectorAll("[data-message]")].find((one) => one.textContent.includes("Climb"));
      const status = row?.querySelector("[data-status]").dataset.status;
      if (status !== undefined && window.climbed.at(-1) !== status) window.climbed.push(status);
    }).observe(document, { subtree: true, childList: true, attributes: true });
  });
  hold = true;
  await uma.send("Climb");
  await uma.reaches("Climb", "sending");
  release();
  await uma.reaches("Climb", "stored");
  await focus(vic, false);
  await vic.open("Uma");
  await uma.reaches("Climb", "delivered");
  const filled = () =>
    uma
      .message("Climb")
      .locator("[data-status]")
      .evaluate((tick) => {
        const grounds = [...tick.querySelectorAll("*")].map((part) => getComputedStyle(part).backgroundColor);
        return [grounds.some((ground) => ground !== "rgba(0, 0, 0, 0)"), tick.getBoundingClientRect().width];
      });
  const [deliveredFilled, width] = await filled();
  await focus(vic, true);
  await uma.reaches("Climb", "read");
  // Read differs from delivered in its form and not only in its colour, and takes no more room.
  assert.deepEqual([deliveredFilled, await filled()], [false, [true, width]]);
  const climbed = await uma.page.evaluate(() => window.climbed);
  assert.deepEqual(
    climbed.filter((status) => status !== "queued"),
    ["sending", "stored", "delivered", "read"],
  );
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
  // There is nothing more to mark.
  await joy.page.getByRole("button", { name: "Options for this conversation" }).click();
  await joy.page.getByRole("menuitem", { name: "Mark as read", disabled: true }).waitFor();
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
  // What the hint promises.
  await lea.page.getByText("Switching on again shows what you read meanwhile.").waitFor();
  await lea.page.getByText("You still see what others have read.").waitFor();
  await switched.check();
  await kai.reaches("A secret", "read");
});

test("the switch of one's own receipts keeps the focus and the keys while it is saved", async () => {
  const tom = await scene.person("tom");
  await tom.register();
  let save;
  const asked = new Promise((resolve) => {
    save = resolve;
  });
  await tom.page.route("**/api/users/me", async (route) => {
    await asked;
    await route.continue();
  });
  await tom.page.getByRole("button", { name: "Settings" }).click();
  const switched = tom.page.getByLabel("Let others see what I have read");
  await switched.click();
  await tom.page.locator("input[aria-busy=true]").waitFor();
  assert.equal(await switched.evaluate((box) => box === document.activeElement && !box.checked), true);
  await tom.page.keyboard.press("Escape");
  await tom.page.getByRole("dialog").waitFor({ state: "detached" });
  save();
  await tom.page.waitForResponse("**/api/users/me");
  await tom.page.getByRole("button", { name: "Settings" }).click();
  await tom.page.waitForFunction(() => document.querySelector("dialog input[type=checkbox]")?.checked === false);
});

test("the switch of one's own receipts shows what was switched elsewhere when the settings are opened", async () => {
  const una = await scene.person("una");
  await una.register();
  const other = await scene.person("una", { beside: una });
  await other.page.goto(scene.server.url);
  const open = (person) => person.page.getByRole("button", { name: "Settings" }).click();
  const shows = (person, on) =>
    person.page.waitForFunction((on) => document.querySelector("dialog input[type=checkbox]")?.checked === on, on);
  for (const on of [false, true]) {
    await open(other);
    await other.page.getByLabel("Let others see what I have read").setChecked(on);
    const saved = other.page.locator("[aria-busy=false]");
    await other.page.getByLabel("Let others see what I have read").and(saved).waitFor();
    await other.page.keyboard.press("Escape");
    await open(una);
    await shows(una, on);
    await una.page.keyboard.press("Escape");
  }
  const { accessToken: token } = await scene.server.call("POST", "/auth/login", {
    body: { username: "una", password: "una-password" },
  });
  await scene.server.call("PATCH", "/users/me", { token, body: { readReceiptsEnabled: false, displayName: "Una B" } });
  await open(una);
  await shows(una, false);
  assert.equal(await una.page.getByLabel("Name", { exact: true }).inputValue(), "Una B");
});

test("a switch of one's own receipts that the server did not get is told as not saved, beside the switch", async () => {
  const val = await scene.person("val");
  await val.register();
  await val.page.getByRole("button", { name: "Settings" }).click();
  const dialog = val.page.getByRole("dialog");
  const switched = dialog.getByLabel("Let others see what I have read");
  const failure = dialog.getByRole("alert").filter({ hasText: "Not saved: the server cannot be reached." });
  await switched.waitFor();
  await scene.server.kill();
  await switched.click();
  await failure.waitFor();
  assert.equal(await switched.isChecked(), true);
  await scene.server.run();
  await switched.click();
  await failure.waitFor({ state: "detached" });
  await val.page.waitForFunction(() => document.querySelector("dialog input[type=checkbox]")?.checked === false);
});

/** Notes every state that the title, the ticks and the list go through from now on. */
function watch(person) {
  return person.page.evaluate(() => {
    const look = () => {
      const ticks = [...document.querySelectorAll("[role=log] [data-message]")].map((row) => {
        const tick = row.querySelector("[data-status]");
        return `${row.querySelector(".letter")?.textContent} ${tick?.dataset.status ?? ""} ${tick?.title ?? ""}`;
      });
      // Who is here is not known without a connection.
      const rows = [...document.querySelectorAll("nav [data-row]")].map((row) => {
        const line = row.cloneNode(true);
        line.querySelector("[data-dot]")?.parentElement.remove();
        return line.textContent;
      });
      return JSON.stringify([document.title, ticks, rows]);
    };
    window.seen = [look()];
    new MutationObserver(() => {
      const now = look();
      if (window.seen.at(-1) !== now) window.seen.push(now);
    }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  });
}

/** Ends the server so, starts it again, and waits until the person is connected. */
async function restart(person, signal) {
  await scene.server.kill(signal);
  await person.page.locator("[data-connection]").waitFor();
  await scene.server.run();
  await person.page.locator("[data-connection]").waitFor({ state: "detached" });
}

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

  await watch(max);
  for (const signal of ["SIGKILL", "SIGTERM"]) await restart(max, signal);
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

test("who lets nobody know is not among the readers of a large group, neither by number nor by name", async () => {
  const rex = await scene.person("rex");
  const { id, tokens } = await crowd(rex, 11);
  await scene.server.call("PATCH", "/users/me", { token: tokens[2], body: { readReceiptsEnabled: false } });
  await rex.send("Who is there?");
  await rex.reaches("Who is there?", "stored");
  const { messages } = await scene.server.call("GET", `/conversations/${id}/messages`, { token: tokens[0] });
  for (const token of tokens) {
    await scene.server.call("POST", `/conversations/${id}/read`, { token, body: { messageId: messages[0].id } });
  }
  await rex.message("Who is there?").getByRole("button", { name: "Read by 10" }).click();
  const dialog = rex.page.getByRole("dialog", { name: "Read by 10" });
  await dialog.getByRole("listitem").nth(9).waitFor();
  assert.equal(await dialog.getByText("Rex 1", { exact: true }).count(), 1);
  assert.equal(await dialog.getByText("Rex 2", { exact: true }).count(), 0);
  await scene.server.call("PATCH", "/users/me", { token: tokens[2], body: { readReceiptsEnabled: true } });
  await rex.page.getByRole("dialog", { name: "Read by 11" }).getByText("Rex 2", { exact: true }).waitFor();
});

test("a reconnect makes no number of readers flicker", async () => {
  const sue = await scene.person("sue");
  const { id, tokens } = await crowd(sue, 11);
  const read = (token, messageId) =>
    scene.server.call("POST", `/conversations/${id}/read`, { token, body: { messageId } });
  for (const text of ["One", "Two"]) {
    await sue.send(text);
    await sue.reaches(text, "stored");
  }
  const { messages } = await scene.server.call("GET", `/conversations/${id}/messages`, { token: tokens[0] });
  for (const token of tokens.slice(0, 5)) await read(token, messages.find(({ seq }) => seq === 1).id);
  for (const token of tokens.slice(0, 3)) await read(token, messages.find(({ seq }) => seq === 2).id);
  await sue.message("One").getByRole("button", { name: "Read by 5" }).waitFor();
  await sue.message("Two").getByRole("button", { name: "Read by 3" }).waitFor();
  await watch(sue);
  await restart(sue, "SIGTERM");
  await read(tokens[9], messages.find(({ seq }) => seq === 1).id);
  await sue.message("One").getByRole("button", { name: "Read by 6" }).waitFor();
  const seen = (await sue.page.evaluate(() => window.seen)).filter((state) => !state.includes("Read by 6"));
  assert.deepEqual(seen.slice(1), []);
});

test("the readers say that they are loading, that they do not come, and come when asked for again", async () => {
  const [xan, yul] = await pair("xan", "yul");
  let answer;
  const held = new Promise((resolve) => {
    answer = resolve;
  });
  await xan.page.route("**/receipts*", async (route) => {
    await held;
    await route.continue();
  });
  await xan.message("Before").getByRole("button", { name: "Read" }).click();
  const dialog = xan.page.getByRole("dialog");
  await dialog.getByRole("status").getByText("Loading readers").waitFor();
  await scene.server.kill();
  answer();
  await dialog.getByRole("alert").getByText("The server cannot be reached.").waitFor();
  assert.equal(await dialog.getByText("Loading readers").count(), 0);
  await scene.server.run();
  await dialog.getByRole("button", { name: "Retry" }).click();
  await dialog.getByRole("listitem").getByText(yul.name).waitFor();
  assert.equal(await dialog.getByRole("alert").count(), 0);
});

test("a long list of readers comes by scrolling, and stays where it is when somebody else reads", async () => {
  const wim = await scene.person("wim");
  const { id, tokens } = await crowd(wim, 62);
  await wim.send("All of you?");
  await wim.reaches("All of you?", "stored");
  const { messages } = await scene.server.call("GET", `/conversations/${id}/messages`, { token: tokens[0] });
  const read = (token) =>
    scene.server.call("POST", `/conversations/${id}/read`, { token, body: { messageId: messages[0].id } });
  for (const token of tokens.slice(0, 60)) await read(token);
  await wim.message("All of you?").getByRole("button", { name: "Read by 60" }).click();
  const dialog = wim.page.getByRole("dialog");
  const rows = dialog.getByRole("listitem");
  await rows.nth(49).waitFor();
  assert.equal(await rows.count(), 50);
  assert.match(await rows.first().textContent(), /Wim 0/);
  const list = dialog.getByRole("region", { name: "Readers" });
  await list.evaluate((one) => one.scrollTo(0, one.scrollHeight));
  await rows.nth(59).waitFor();
  assert.equal(await rows.count(), 60);
  const times = await rows.locator("time").evaluateAll((all) => all.map((time) => time.dateTime));
  assert.deepEqual(times, times.toSorted());
  await list.evaluate((one) => one.scrollTo(0, 1_500));
  await dialog.evaluate((one) => {
    window.fewest = 60;
    new MutationObserver(() => {
      window.fewest = Math.min(window.fewest, one.querySelectorAll("li").length);
    }).observe(one, { subtree: true, childList: true });
  });
  await read(tokens[60]);
  await wim.page.getByRole("dialog", { name: "Read by 61" }).waitFor();
  await rows.nth(60).waitFor({ state: "attached" });
  assert.equal(await list.evaluate((one) => one.scrollTop), 1_500);
  assert.equal(await wim.page.evaluate(() => window.fewest), 60);
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
  // What is on the screen has been read, and what is below it has not.
  await pam.page.waitForFunction(() => /^\((?!90\))/.test(document.title));
  await pam.page.waitForFunction(() => Number(/^\((\d+)\)/.exec(document.title)?.[1]) > 45);
  // The button counts what is left, as the title does, until nothing is.
  const left = () =>
    pam.page.waitForFunction(() => {
      const unread = /^\((\d+)\)/.exec(document.title)?.[1];
      const button = [...document.querySelectorAll("button")].find((one) => /new messages?$/.test(one.textContent));
      return unread !== undefined && unread !== "90" && button?.textContent === `${unread} new messages`;
    });
  await left();
  const before = Number(/^\((\d+)\)/.exec(await pam.page.title())[1]);
  await pam.log.evaluate((log) => log.scrollBy(0, log.clientHeight));
  await pam.page.waitForFunction((n) => Number(/^\((\d+)\)/.exec(document.title)?.[1]) < n, before);
  await left();
  const button = pam.page.getByRole("button", { name: /new messages$/ });
  await choose(pam.page, "Mark as read");
  await button.waitFor({ state: "detached" });
  await pam.page.getByRole("button", { name: "Latest messages" }).click();
  await pam.message("Line 90.").waitFor();
  await pam.page.waitForFunction(() => document.title === "Parley");
});
