import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();

test("two people register, find each other and chat both ways", async () => {
  const [ada, ben] = [await scene.person("ada"), await scene.person("ben")];
  await ada.register();
  await ben.register();

  await ada.startChat(ben);
  await ada.send("Hello Ben");
  await ada.reaches("Hello Ben", "stored", "delivered", "read");

  await ben.row("Ada").getByText("1 unread message").waitFor();
  assert.equal(await ben.page.title(), "(1) Parley");
  await ben.open("Ada");
  await ben.message("Hello Ben").waitFor();
  await ada.reaches("Hello Ben", "delivered", "read");
  await ben.page.waitForFunction(() => document.title === "Parley");

  await ben.composer.pressSequentially("Hello");
  await ada.page.locator("[data-typing]").getByText("Ben is typing").waitFor();
  await ben.composer.press("Shift+Enter");
  await ben.composer.pressSequentially("Ada");
  await ben.composer.press("Enter");
  await ada.shows(["Hello Ben", "Hello\nAda"]);
  await ada.page.locator("[data-typing]").waitFor({ state: "detached" });
});

test("two people in two tabs of one browser chat, and a reload leaves each who they are", async () => {
  const alice = await scene.person("alice");
  const bob = await scene.person("bob", { beside: alice });
  await scene.server.account("bob", "Bob");
  await alice.register();
  await bob.page.goto(`${scene.server.url}/#as=bob`);
  assert.equal(await bob.page.getByLabel("Username").inputValue(), "bob");
  await bob.page.getByLabel("Password", { exact: true }).fill("bob-password");
  await bob.page.getByRole("button", { name: "Sign in", exact: true }).click();
  await bob.page.getByRole("navigation", { name: "Conversations" }).waitFor();

  await alice.startChat(bob);
  await alice.send("Hello Bob");
  await bob.open("Alice");
  await bob.send("Hello Alice");
  await alice.shows(["Hello Bob", "Hello Alice"]);
  await bob.composer.fill("only Bob's draft");
  for (const { page } of [alice, bob, alice]) await page.reload();
  await alice.send("Still Alice");
  await bob.message("Still Alice").waitFor();
  assert.equal(await alice.composer.inputValue(), "");
  assert.equal(await bob.composer.inputValue(), "only Bob's draft");
  await bob.send("Still Bob");
  for (const person of [alice, bob]) await person.shows(["Hello Bob", "Hello Alice", "Still Alice", "Still Bob"]);

  // The address works again, in any tab, and signing out there leaves the other tab alone.
  await alice.page.evaluate(() => {
    location.hash = "#as=bob";
  });
  await alice.row("Alice").waitFor();
  await alice.page.getByRole("button", { name: "Settings" }).click();
  await alice.page.getByRole("button", { name: "Sign out" }).click();
  await alice.page.getByLabel("Username").waitFor();
  const tab = await alice.context.newPage();
  await tab.goto(scene.server.url);
  await tab.getByRole("link").filter({ hasText: "Bob" }).waitFor();
});

test("a message is edited by the arrow key and deleted, on both screens", async () => {
  const [cleo, dov] = [await scene.person("cleo"), await scene.person("dov")];
  await cleo.register();
  await dov.register();
  await cleo.startChat(dov);
  await cleo.send("See you at sx");
  await cleo.send("Bring the book");
  await dov.open("Cleo");
  await dov.shows(["See you at sx", "Bring the book"]);

  await cleo.composer.press("ArrowUp");
  assert.equal(await cleo.composer.inputValue(), "Bring the book");
  await cleo.composer.press("Escape");
  assert.equal(await cleo.composer.inputValue(), "");

  await cleo.message("See you at sx").hover();
  await cleo.message("See you at sx").getByRole("button", { name: "Edit" }).click();
  await cleo.composer.fill("See you at six");
  await cleo.composer.press("Enter");
  await dov.message("See you at six").getByText("edited").waitFor();

  await cleo.message("Bring the book").hover();
  await cleo.message("Bring the book").getByRole("button", { name: "Delete" }).click();
  await cleo.page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await dov.message("This message was deleted").waitFor();
  await cleo.message("This message was deleted").waitFor();
  await dov.shows(["See you at six"]);
  assert.equal(await dov.message("See you at six").getByRole("button", { name: "Edit" }).count(), 0);
});

test("what people write is text, whatever it is, and web addresses can be followed safely", async () => {
  const [eve, fay] = [await scene.person("eve"), await scene.person("fay")];
  await eve.register();
  await fay.register();
  const hostile = [
    '<img src=x onerror="window.hit=1">',
    "<script>window.hit=1</script>",
    "javascript:window.hit=1",
    '"><svg onload=window.hit=1>',
    "<a href='javascript:window.hit=1'>click</a>",
    "&lt;b&gt; &amp;",
    "\u202eright to left",
  ];
  await eve.startChat(fay);
  for (const text of hostile) await eve.send(text);
  await eve.send("Look at https://parley.example/a?b=1, please");
  await fay.open("Eve");
  await fay.shows([...hostile, "Look at https://parley.example/a?b=1, please"]);
  for (const person of [eve, fay]) {
    assert.equal(await person.page.evaluate(() => window.hit), undefined);
    assert.equal(await person.log.locator("img, script, [onload]").count(), 0);
    const links = await person.log.locator("a").evaluateAll((all) => all.map((a) => [a.href, a.target, a.rel]));
    assert.deepEqual(links, [["https://parley.example/a?b=1", "_blank", "noopener noreferrer nofollow"]]);
  }
  // The list shows names and last words the same way.
  await eve.send(hostile[0]);
  await fay.row("Eve").getByText(hostile[0]).waitFor();
});

test("everything from the sign-in to a sent message is done with the keyboard alone", async () => {
  const gus = await scene.person("gus");
  await scene.server.account("hal", "Hal");
  await gus.register();
  const { keyboard } = gus.page;

  await keyboard.press("Control+k");
  await keyboard.type("hal");
  await gus.page.getByRole("button", { name: "Chat with Hal" }).waitFor();
  await keyboard.press("ArrowDown");
  await keyboard.press("Enter");
  await gus.composer.waitFor();
  await gus.page.waitForFunction(() => document.activeElement?.tagName === "TEXTAREA");
  await keyboard.type("No mouse");
  await keyboard.press("Enter");
  await gus.reaches("No mouse", "stored", "delivered", "read");
  await keyboard.press("Control+k");
  assert.equal(await gus.page.evaluate(() => document.activeElement?.getAttribute("type")), "search");
});

test("a draft waits in its conversation, in the list and after a reload", async () => {
  const ida = await scene.person("ida");
  const { accessToken } = await scene.server.account("jon", "Jon");
  const { user: kim } = await scene.server.account("kim", "Kim");
  await ida.register();
  await ida.startChat({ username: "jon", name: "Jon" });
  await ida.composer.fill("not yet");
  await ida.startChat({ username: "kim", name: "Kim" });
  await ida.row("Jon").getByText("Draft: not yet").waitFor();
  await ida.page.reload();
  await ida.open("Jon");
  assert.equal(await ida.composer.inputValue(), "not yet");
  await ida.send("now");
  await ida.reaches("now", "stored", "delivered", "read");
  assert.ok(accessToken && kim.id);
});

test("signing out leaves nothing, and what is wrong with a form stands beside its fields", async () => {
  const leo = await scene.person("leo");
  await leo.register();
  await leo.page.getByRole("button", { name: "Settings" }).click();
  await leo.page.getByLabel("Name", { exact: true }).fill("Leonie");
  await leo.page.getByRole("button", { name: "Save" }).click();
  await leo.page.getByText("Saved").waitFor();
  await leo.page.getByRole("button", { name: "Sign out" }).click();

  await leo.page.getByLabel("Username").fill("leo");
  await leo.page.getByLabel("Password", { exact: true }).fill("wrong-password");
  await leo.page.getByRole("button", { name: "Sign in", exact: true }).click();
  await leo.page.getByRole("alert").waitFor();
  await leo.page.getByRole("button", { name: "New here? Create an account" }).click();
  await leo.page.getByLabel("Username").fill("LEO");
  await leo.page.getByLabel("Password", { exact: true }).fill("short");
  await leo.page.getByRole("button", { name: "Create account", exact: true }).click();
  await leo.page.locator("input[name=password][aria-invalid=true]").waitFor();
  await leo.page.getByLabel("Password", { exact: true }).fill("long enough");
  await leo.page.getByRole("button", { name: "Create account", exact: true }).click();
  await leo.page.locator("input[name=username][aria-invalid=true]").waitFor();
  await leo.page.reload();
  await leo.page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  await leo.signIn();
  await leo.page.getByRole("button", { name: "Settings" }).click();
  await leo.page.getByRole("dialog").getByText("Leonie").waitFor();
});
