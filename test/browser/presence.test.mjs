import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();

/** Two people with a conversation that both have open. */
async function pair(first, second, { clocks = [], ...options } = {}) {
  const [a, b] = [await scene.person(first), await scene.person(second, options)];
  if (clocks.includes(first)) await a.page.clock.install();
  if (clocks.includes(second)) await b.page.clock.install();
  await a.register();
  await b.register();
  await a.startChat(b);
  await a.send("Hello");
  await b.open(a.name);
  return [a, b];
}

/** The dot that somebody sees beside another's name in the list. */
function dot(person, other, kind = "online") {
  return person.row(other.name).locator(`[data-dot=${kind}]`);
}

/** What the header of the open conversation says of the other. */
function header(person, text) {
  return person.page.getByRole("region", { name: "Conversation", exact: true }).locator("header").getByText(text);
}

async function own(person, item) {
  await person.page.getByRole("button", { name: /^You: / }).click();
  await person.page.getByRole("menuitem", { name: item }).click();
}

/** Notes from now on whether somebody's page ever shows something. */
async function noting(person, selector) {
  await person.page.evaluate((wanted) => {
    window.shown = false;
    new MutationObserver(() => {
      window.shown ||= document.querySelector(wanted) !== null;
    }).observe(document, { subtree: true, childList: true, attributes: true });
  }, selector);
  return () => person.page.evaluate(() => window.shown);
}

test("who comes has a dot, with the kind of device, and who signs out has none at once", async () => {
  const phone = "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36";
  const [amy, bob] = await pair("amy", "bob", { userAgent: phone, isMobile: true });
  await dot(amy, bob).waitFor();
  await amy.row("Bob").getByText("Online on mobile").waitFor();
  await header(amy, "Online on mobile").waitFor();
  await header(bob, "Online on desktop").waitFor();

  await bob.page.getByRole("button", { name: "Settings" }).click();
  await bob.page.getByRole("button", { name: "Sign out" }).click();
  await bob.page.getByLabel("Username").waitFor();
  const began = Date.now();
  await dot(amy, bob).waitFor({ state: "detached" });
  assert.ok(Date.now() - began < 10_000, `it took ${Date.now() - began} ms`);
  await header(amy, "Last seen just now").waitFor();
  await bob.signIn();
  await dot(amy, bob).waitFor();
});

test("who leaves without a word is gone within 40 s, and since when grows by itself", async () => {
  const [ann, ben] = await pair("ann", "ben", { clocks: ["ann"] });
  await dot(ann, ben).waitFor();
  const began = Date.now();
  await ben.page.close();
  await dot(ann, ben).waitFor({ state: "detached" });
  const took = Date.now() - began;
  assert.ok(took > 20_000 && took < 40_000, `it took ${took} ms`);
  await header(ann, /^Last seen (just now|1 minute ago)$/).waitFor();
  await ann.page.clock.fastForward(120_000);
  await header(ann, /^Last seen [23] minutes ago$/).waitFor();
  await ann.page.clock.fastForward(3_600_000);
  await header(ann, "Last seen 1 hour ago").waitFor();
});

test("who does nothing for five minutes is away, and at the first move of the mouse is here", async () => {
  const [cat, dan] = await pair("cat", "dan", { clocks: ["dan"] });
  await dot(cat, dan).waitFor();
  await dan.page.clock.fastForward(299_000);
  await dan.send("Here still");
  await cat.message("Here still").waitFor();
  await dan.page.clock.fastForward(299_000);
  await cat.send("Are you there?");
  await dan.message("Are you there?").waitFor();
  assert.equal(await dot(cat, dan).count(), 1, "to get a message is no input");
  await dan.page.clock.fastForward(2_000);
  await dot(cat, dan, "away").waitFor();
  await header(cat, "Away").waitFor();
  await cat.row("Dan").getByText("Away").waitFor();
  await dan.page.mouse.move(200, 300);
  await dan.page.mouse.move(240, 320);
  await dot(cat, dan).waitFor();
});

test("who is invisible is offline to others and does not type, sees that all the time, and can still write", async () => {
  const [eva, fin] = await pair("eva", "fin");
  const second = await scene.person("fin", { beside: fin });
  await second.page.goto(scene.server.url);
  await second.row("Eva").waitFor();
  await dot(eva, fin).waitFor();
  await fin.composer.pressSequentially("Ab");
  await eva.page.locator("[data-typing]").waitFor();
  await fin.send("About");
  await eva.message("About").waitFor();
  await eva.page.locator("[data-typing]").waitFor({ state: "detached" });

  await fin.page.getByRole("button", { name: "You: Online" }).focus();
  await fin.page.keyboard.press("Enter");
  await fin.page.locator("[role=menuitem]:focus").getByText("Be invisible").waitFor();
  await fin.page.keyboard.press("Enter");
  await fin.page.getByText("You are invisible.").waitFor();
  await fin.page.getByRole("button", { name: "You: Invisible" }).waitFor();
  await second.page.getByText("You are invisible.").waitFor();
  await dot(eva, fin).waitFor({ state: "detached" });
  await header(eva, /^Last seen/).waitFor();

  const shown = await noting(eva, "[data-typing], nav [data-dot]");
  await fin.composer.pressSequentially("Nobody sees this");
  await fin.composer.press("Enter");
  await eva.message("Nobody sees this").waitFor();
  assert.equal(await shown(), false, "typing or a dot was shown");
  assert.equal(await dot(fin, eva).count(), 1, "who hides sees the others");

  await fin.page.reload();
  await fin.page.getByText("You are invisible.").waitFor();
  await fin.page.setViewportSize({ width: 360, height: 740 });
  await fin.page.getByText("You are invisible.").waitFor({ state: "hidden" });
  await fin.page.getByRole("img", { name: "You are invisible." }).waitFor();
  await second.page.getByRole("button", { name: "Be visible" }).click();
  await fin.page.getByText("You are invisible.").waitFor({ state: "detached" });
  await dot(eva, fin).waitFor();
});

test("who shares with nobody, or with friends who are none, is offline without a time", async () => {
  const [gus, hal] = await pair("gus", "hal");
  await dot(gus, hal).waitFor();
  for (const [who, shown] of [
    ["Nobody", false],
    ["Everyone I talk with", true],
    ["Friends", false],
  ]) {
    await hal.page.getByRole("button", { name: "Settings" }).click();
    await hal.page.getByRole("radio", { name: who }).check();
    await hal.page.keyboard.press("Escape");
    await header(gus, shown ? /^Online/ : "Offline").waitFor();
    await dot(gus, hal).waitFor({ state: shown ? "visible" : "detached" });
  }
  await hal.page.getByRole("button", { name: "Settings" }).click();
  await hal.page.getByRole("radio", { name: "Everyone I talk with" }).check();
  await dot(gus, hal).waitFor();
  await hal.page.getByLabel("Let others see when I am here").uncheck();
  await header(gus, "Offline").waitFor();
  await hal.page.reload();
  await hal.page.getByRole("button", { name: "Settings" }).click();
  assert.equal(await hal.page.getByLabel("Let others see when I am here").isChecked(), false);
});

test("people of a group are marked in its details, and the list of them is told to those who only hear", async () => {
  const [ida, jon] = await pair("ida", "jon");
  await ida.page.getByRole("button", { name: "New conversation" }).first().click();
  await ida.page.getByRole("combobox").fill("jon");
  await ida.page.getByRole("option").filter({ hasText: "Jon" }).click();
  await ida.page.getByLabel("Make it a group").check();
  await ida.page.getByLabel("Group name").fill("Yard");
  await ida.page.getByRole("button", { name: "Create group" }).click();
  await ida.page.getByRole("button", { name: "Details" }).click();
  const row = ida.page.getByRole("listitem").filter({ hasText: "@jon" });
  await row.getByText("Online on desktop").waitFor();
  await own(jon, "Be invisible");
  await row.getByText("Online on desktop").waitFor({ state: "detached" });
  await own(jon, "Be visible");
  await row.getByText("Online on desktop").waitFor();
});

test("a page whose timers sleep, or whose scripts stand still, for 50 s stays online", async () => {
  const [kim, leo] = await pair("kim", "leo", { clocks: ["leo"] });
  const max = await scene.person("max");
  await max.register();
  await max.startChat(kim);
  await dot(kim, leo).waitFor();
  await dot(kim, max).waitFor();
  const began = Date.now();
  const connections = [];
  for (const { page, name } of [leo, max]) {
    page.on("websocket", () => connections.push(name));
    await page.evaluate(() => {
      window.ticks = 0;
      setInterval(() => window.ticks++, 500);
    });
  }
  const gone = await noting(kim, "nav a:not(:has([data-dot=online]))");
  await leo.page.clock.pauseAt(Date.now() + 1_000);
  const debug = await max.context.newCDPSession(max.page);
  await debug.send("Debugger.enable");
  await debug.send("Debugger.pause");
  // The watcher's page counts the time; whatever comes and goes in between is noted there.
  await kim.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 50_000)));
  assert.equal(await gone(), false, "somebody was shown as gone");
  await debug.send("Debugger.resume");
  await debug.send("Debugger.disable");
  const mostTicks = (Date.now() - began - 45_000) / 500;
  for (const { page, name } of [leo, max]) {
    const ticks = await page.evaluate(() => window.ticks);
    assert.ok(ticks <= mostTicks, `${name}'s timers ran on: ${ticks} times, ${mostTicks} at most`);
  }
  await leo.page.clock.resume();
  assert.deepEqual(connections, [], "the connections held");
  await leo.send("Awake again");
  await kim.open("Leo");
  await kim.message("Awake again").waitFor();
});
