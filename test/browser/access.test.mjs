import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();
const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

async function violations(page) {
  await page.evaluate(axe);
  return page.evaluate(async () => {
    await Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {})));
    const { violations } = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    });
    return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html.slice(0, 160)).join(" | ")}`);
  });
}

/** Friends in every state, who of them is here, somebody blocked, and being invisible. */
async function whoIsHere(zoe, me, clean, wide) {
  const { page } = zoe;
  const { server } = scene;
  const account = (name) => server.account(`${name}-${zoe.username}`, `${name} Person`);
  const [ben, cid, eli] = await Promise.all([account("ben"), account("cid"), account("eli"), account("dia")]);
  await server.call("POST", "/friends", { token: ben.accessToken, body: { userId: me.id } });
  await server.call("POST", "/friends", { token: cid.accessToken, body: { userId: me.id } });
  const direct = { type: "direct", participantIds: [me.id] };
  const { id } = await server.call("POST", "/conversations", { token: eli.accessToken, body: direct });
  const hello = { content: "Hello", clientMessageId: "hello" };
  await server.call("POST", `/conversations/${id}/messages`, { token: eli.accessToken, body: hello });
  await (await scene.person(`ben-${zoe.username}`)).signIn();

  await page.getByRole("button", { name: "You: Online, 2 requests" }).click();
  await page.getByRole("menuitem", { name: "Friends" }).waitFor();
  await clean("own menu");
  await page.getByRole("menuitem", { name: "Friends" }).click();
  await page.getByRole("button", { name: "Accept ben Person" }).click();
  await page.getByLabel("Find people to ask").fill(`dia-${zoe.username}`);
  await page.getByRole("button", { name: "Ask dia Person to be friends" }).click();
  await page.getByRole("button", { name: "Withdraw dia Person" }).waitFor();
  await page.getByRole("region", { name: "Friends" }).getByText("Online").waitFor();
  await clean("friends");
  const overflow = await page.getByRole("dialog").evaluate((dialog) => dialog.scrollWidth - dialog.clientWidth);
  assert.ok(overflow <= 0, `the friends are ${overflow} px wider than their dialog`);
  await page.keyboard.press("Escape");

  await zoe.open("eli Person");
  await page.getByRole("button", { name: "Details" }).click();
  await page.getByRole("button", { name: "Block", exact: true }).waitFor();
  await clean("details of a person");
  await page.getByRole("button", { name: "Block", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Block", exact: true }).click();
  await page.getByRole("button", { name: "Unblock" }).first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByText("You blocked eli Person.").waitFor();
  await clean("a conversation with somebody blocked");
  if (!wide) await page.getByRole("button", { name: "Back to conversations" }).click();
  await page.getByRole("button", { name: /^You: / }).click();
  await page.getByRole("menuitem", { name: "Blocked people" }).click();
  await page.getByRole("button", { name: "Unblock eli Person" }).waitFor();
  await clean("blocked people");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^You: / }).click();
  await page.getByRole("menuitem", { name: "Be invisible" }).click();
  await page.getByText("You are invisible.").waitFor();
  await clean("invisible");
}

for (const colorScheme of ["light", "dark"]) {
  for (const [size, viewport] of Object.entries({
    wide: { width: 1280, height: 800 },
    narrow: { width: 360, height: 700 },
  })) {
    test(`axe finds nothing on any screen, ${colorScheme} and ${size}`, async () => {
      const suffix = `${colorScheme}-${size}`;
      const zoe = await scene.person(`zoe-${suffix}`, { colorScheme, viewport, reducedMotion: "reduce" });
      const other = await scene.server.account(`abe-${suffix}`, "Abe Long");
      const { page } = zoe;
      const clean = async (screen) => assert.deepEqual(await violations(page), [], screen);
      const wide = size === "wide";

      await page.goto(scene.server.url);
      await page.getByLabel("Username").waitFor();
      await clean("sign in");
      await page.getByRole("button", { name: "New here? Create an account" }).click();
      await page.getByRole("button", { name: "Create account", exact: true }).click();
      await page.locator("[aria-invalid=true], [role=alert]").first().waitFor();
      await clean("register, with errors");
      await zoe.register();
      await page.getByText("No conversations yet").waitFor();
      await clean("no conversations");

      const token = other.accessToken;
      const me = (await scene.server.call("GET", `/users/search?q=${zoe.username}`, { token })).users[0];
      const group = await scene.server.call("POST", "/conversations", {
        token,
        body: { type: "group", participantIds: [me.id], title: "Garden" },
      });
      const say = (content, n) =>
        scene.server.call("POST", `/conversations/${group.id}/messages`, {
          token,
          body: { content, clientMessageId: `say-${n}` },
        });
      await say("A first word https://parley.example/", 1);
      await say("مرحبا", 2);
      await zoe.row("Garden").getByText("2 unread messages").waitFor();
      await clean("list with unread");
      await scene.server.announce(`The server restarts at 22:00.\n${"It will be quick. ".repeat(200)}`);
      const announcement = page.locator("[data-announcement]");
      await announcement.getByText("The server restarts at 22:00.").waitFor();
      await clean("announcement");
      await announcement.getByRole("button", { name: "Dismiss" }).click();
      await announcement.waitFor({ state: "detached" });

      await zoe.open("Garden");
      await zoe.message("A first word").waitFor();
      await zoe.log.getByText("New", { exact: true }).waitFor();
      await zoe.send("Mine");
      await zoe.reaches("Mine", "stored", "delivered", "read");
      const { messages } = await scene.server.call("GET", `/conversations/${group.id}/messages`, { token });
      const { id: messageId } = messages.find(({ content }) => content === "Mine");
      await scene.server.call("POST", `/conversations/${group.id}/read`, { token, body: { messageId } });
      await page.getByRole("button", { name: "Read by 1" }).click();
      await page.getByRole("dialog").getByText("Abe Long").waitFor();
      await clean("readers");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Options for this conversation" }).click();
      await page.getByRole("menuitem", { name: "Mark as read" }).waitFor();
      await clean("options of a conversation");
      await page.keyboard.press("Escape");
      await zoe.send("x".repeat(4000));
      await zoe.composer.fill("y".repeat(4001));
      await clean("conversation");
      await zoe.composer.fill("");
      await zoe.composer.press("ArrowUp");
      await clean("editing");
      await zoe.composer.press("Escape");
      await page.getByRole("button", { name: "Details" }).click();
      await page.getByRole("heading", { name: "Group details" }).waitFor();
      await clean("details");
      await page.getByRole("button", { name: "Options for Abe Long" }).click();
      await page.getByRole("menuitem", { name: "Block" }).waitFor();
      await clean("options of a person");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Leave group" }).click();
      await page.getByRole("dialog").waitFor();
      await clean("question");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Escape");
      await page.getByRole("heading", { name: "Group details" }).waitFor({ state: "detached" });
      if (!wide) await page.getByRole("button", { name: "Back to conversations" }).click();

      await page.getByRole("button", { name: "New conversation" }).first().click();
      await page.getByRole("combobox").fill("abe");
      await page.getByRole("option").first().waitFor();
      await clean("new conversation");
      await page.keyboard.press("Enter");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Settings" }).click();
      await page.getByRole("dialog").waitFor();
      await clean("settings");
      await page.keyboard.press("Escape");
      await whoIsHere(zoe, me, clean, wide);
      await page.getByRole("searchbox").fill("abe");
      await page.getByRole("button", { name: "Chat with Abe Long" }).first().waitFor();
      await clean("search");
      await page.getByRole("searchbox").fill("nobody at all");
      await page.getByText("Nothing found").waitFor();
      await clean("nothing found");
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
    });
  }
}
