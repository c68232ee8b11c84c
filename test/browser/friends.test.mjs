import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();

async function open(person, item) {
  await person.page.getByRole("button", { name: /^You: / }).click();
  await person.page.getByRole("menuitem", { name: item }).click();
  await person.page.getByRole("dialog").waitFor();
}

function section(person, name) {
  return person.page.getByRole("dialog").getByRole("region", { name, exact: true });
}

async function people(...names) {
  const all = [];
  for (const name of names) {
    const person = await scene.person(name);
    await person.register();
    all.push(person);
  }
  return all;
}

test("somebody is found, asked, accepts, is seen here without a conversation, and is removed", async () => {
  const [amy, bob] = await people("amy", "bob");
  await open(amy, "Friends");
  await amy.page.getByText("No friends yet.").waitFor();
  await amy.page.getByLabel("Find people to ask").fill("bob");
  await amy.page.getByRole("button", { name: "Ask Bob to be friends" }).click();
  await section(amy, "You asked them").getByText("@bob").waitFor();
  await section(amy, "People").getByText("Asked").waitFor();

  await bob.page.getByRole("button", { name: "You: Online, 1 request" }).click();
  await bob.page.getByRole("menuitem", { name: "Friends, 1 request" }).click();
  assert.equal(
    await section(bob, "They ask you").locator("[data-dot]").count(),
    0,
    "who only asks is not shown as here",
  );
  await bob.page.getByRole("button", { name: "Accept Amy" }).click();
  await section(bob, "Friends").getByText("Online on desktop").first().waitFor();
  await section(amy, "Friends").getByText("Online on desktop").first().waitFor();

  await section(amy, "Friends").getByRole("button", { name: "Options for Bob" }).click();
  await amy.page.getByRole("menuitem", { name: "Remove from friends" }).click();
  await amy.page
    .getByRole("dialog", { name: "Remove Bob from your friends?" })
    .getByRole("button", { name: "Remove" })
    .click();
  await section(amy, "Friends").waitFor({ state: "detached" });
  await section(bob, "Friends").waitFor({ state: "detached" });
  await bob.page.getByText("No friends yet.").waitFor();
});

test("a request is withdrawn, declined, and accepted by asking back", async () => {
  const [cat, dan] = await people("cat", "dan");
  const ask = async (person, other) => {
    await person.page.getByLabel("Find people to ask").fill(other.username);
    await person.page.getByRole("button", { name: `Ask ${other.name} to be friends` }).click();
  };
  await open(cat, "Friends");
  await open(dan, "Friends");
  await ask(cat, dan);
  await section(dan, "They ask you").getByText("@cat").waitFor();
  await cat.page.getByRole("button", { name: "Withdraw Dan" }).click();
  await section(dan, "They ask you").waitFor({ state: "detached" });
  await ask(cat, dan);
  await dan.page.getByRole("button", { name: "Decline Cat" }).click();
  await section(cat, "You asked them").waitFor({ state: "detached" });
  await ask(cat, dan);
  await dan.page.keyboard.press("Escape");
  await dan.startChat(cat);
  await dan.page.getByRole("button", { name: "Details" }).click();
  await dan.page.getByRole("button", { name: "Accept the request" }).click();
  await section(cat, "Friends").getByText("Dan", { exact: true }).waitFor();
  await dan.page.getByRole("button", { name: "Remove from friends" }).waitFor();
});

test("a block hides both from each other and stops their messages, and lifting it brings both back", async () => {
  const [eva, fin] = await people("eva", "fin");
  await eva.startChat(fin);
  await eva.send("Before");
  await fin.open("Eva");
  await eva.row("Fin").locator("[data-dot=online]").waitFor();

  await fin.page.getByRole("button", { name: "Details" }).click();
  await fin.page.getByRole("button", { name: "Block", exact: true }).click();
  const question = fin.page.getByRole("dialog", { name: "Block Eva?" });
  await question.getByText("Neither of you can write to the other directly").waitFor();
  await question.getByRole("button", { name: "Block", exact: true }).click();
  await fin.page.getByText("You blocked Eva.").waitFor();
  assert.equal(await fin.composer.count(), 0);
  await eva.row("Fin").locator("[data-dot]").waitFor({ state: "detached" });
  await fin.row("Eva").locator("[data-dot]").waitFor({ state: "detached" });

  await eva.send("Are you angry?");
  await eva.reaches("Are you angry?", "failed");
  await eva.page.getByText("You cannot write to Fin.").waitFor();
  assert.equal(await eva.composer.count(), 0);
  const said = await eva.page.getByRole("region", { name: "Conversation", exact: true }).textContent();
  assert.doesNotMatch(said, /block/i, "who was blocked is not told so");
  const answer = eva.page.waitForResponse((response) => response.url().includes("/users/search"));
  await eva.page.getByRole("searchbox").fill("fi");
  const { users } = await (await answer).json();
  assert.deepEqual(users, []);
  await eva.page.getByRole("searchbox").fill("");
  assert.equal(await fin.message("Are you angry?").count(), 0);

  await fin.page.reload();
  await fin.page.getByText("You blocked Eva.").waitFor();
  await fin.page.getByRole("button", { name: "Unblock" }).click();
  await fin.composer.waitFor();
  await eva.composer.waitFor();
  await eva.message("Are you angry?").getByRole("button", { name: "Retry" }).click();
  await fin.message("Are you angry?").waitFor();
  await eva.row("Fin").locator("[data-dot=online]").waitFor();
});

test("the list of blocked people says what it means, and lets them go", async () => {
  const [gus, hal] = await people("gus", "hal");
  await gus.startChat(hal);
  await gus.send("Hello");
  await hal.row("Gus").waitFor();
  await open(hal, "Blocked people");
  await hal.page.getByText("You have blocked nobody.").waitFor();
  await hal.page.keyboard.press("Escape");
  await hal.open("Gus");
  await hal.page.getByRole("button", { name: "Details" }).click();
  await hal.page.getByRole("button", { name: "Block", exact: true }).click();
  await hal.page.getByRole("dialog").getByRole("button", { name: "Block", exact: true }).click();
  await hal.page.getByText("You blocked Gus.").waitFor();
  await hal.page.getByRole("button", { name: "Settings" }).click();
  await hal.page.getByRole("button", { name: "Blocked people" }).click();
  const list = hal.page.getByRole("dialog", { name: "Blocked people" });
  await list.getByText("Neither of you can write").waitFor();
  await list.getByRole("button", { name: "Unblock Gus" }).click();
  await list.getByText("You have blocked nobody.").waitFor();
  await hal.page.keyboard.press("Escape");
  await hal.composer.waitFor();
});

test("in a group one is asked to be friends, or blocked, and both go on writing there", async () => {
  const [ida, jon] = await people("ida", "jon");
  const token = (
    await scene.server.call("POST", "/auth/login", { body: { username: "ida", password: "ida-password" } })
  ).accessToken;
  const [{ id }] = (await scene.server.call("GET", "/users/search?q=jon", { token })).users;
  await scene.server.call("POST", "/conversations", {
    token,
    body: { type: "group", participantIds: [id], title: "Yard" },
  });
  await jon.open("Yard");
  await jon.page.getByRole("button", { name: "Details" }).click();
  await jon.page.getByRole("button", { name: "Options for Ida" }).click();
  await jon.page.getByRole("menuitem", { name: "Ask to be friends" }).click();
  await ida.page.getByRole("button", { name: "You: Online, 1 request" }).waitFor();
  await jon.page.getByRole("button", { name: "Options for Ida" }).click();
  await jon.page.getByRole("menuitem", { name: "Block" }).click();
  await jon.page.getByRole("dialog").getByRole("button", { name: "Block", exact: true }).click();
  await ida.page.getByRole("button", { name: "You: Online", exact: true }).waitFor();
  await ida.open("Yard");
  await ida.send("In the group");
  await jon.message("In the group").waitFor();
  await jon.send("Here too");
  await ida.message("Here too").waitFor();
});
