import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();

async function choose(page, name) {
  await page.getByRole("combobox").fill(name);
  await page.getByRole("option").filter({ hasText: name }).click();
}

test("a group is made, grows, is renamed, and who is removed loses it", async () => {
  const [sam, tea, uli] = [await scene.person("sam"), await scene.person("tea"), await scene.person("uli")];
  for (const person of [sam, tea, uli]) await person.register();

  await sam.page.getByRole("button", { name: "New conversation" }).first().click();
  await choose(sam.page, "Tea");
  await sam.page.getByLabel("Make it a group").check();
  await sam.page.getByLabel("Group name").fill("Garden");
  await sam.page.getByRole("button", { name: "Create group" }).click();
  await sam.composer.waitFor();
  await sam.send("Who brings the seeds?");
  await tea.open("Garden");
  await tea.message("Who brings the seeds?").waitFor();
  assert.equal(await uli.row("Garden").count(), 0);

  await sam.page.getByRole("button", { name: "Details" }).click();
  await sam.page.getByRole("button", { name: "Add people" }).click();
  await choose(sam.page, "Uli");
  await sam.page.getByRole("dialog").getByRole("button", { name: "Add", exact: true }).click();
  await uli.open("Garden");
  await uli.message("Who brings the seeds?").waitFor();
  await uli.send("I do");
  await tea.message("I do").waitFor();

  await sam.page.getByRole("button", { name: "Options for Tea" }).click();
  await sam.page.getByRole("menuitem", { name: "Make admin" }).click();
  await tea.page.getByRole("button", { name: "Details" }).click();
  await tea.page.getByRole("button", { name: "Rename" }).click();
  await tea.page.getByRole("dialog").getByLabel("Group name").fill("Garden and yard");
  await tea.page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await sam.page.getByRole("heading", { name: "Garden and yard" }).waitFor();
  await uli.row("Garden and yard").waitFor();

  await sam.page.getByRole("button", { name: "Options for Uli" }).click();
  await sam.page.getByRole("menuitem", { name: "Remove from group" }).click();
  await sam.page.getByRole("dialog").getByRole("button", { name: "Remove from group" }).click();
  await uli.page.getByText("You were removed from this conversation.").waitFor();
  assert.equal(await uli.row("Garden").count(), 0);
  await sam.send("Only for us");
  await tea.message("Only for us").waitFor();
  assert.equal(await uli.page.getByText("Only for us").count(), 0);
  await uli.page.reload();
  await uli.page.getByText("You were removed from this conversation.").waitFor();

  await sam.page.getByRole("button", { name: "Leave group" }).click();
  await sam.page.getByRole("dialog").getByRole("button", { name: "Leave group" }).click();
  await sam.row("Garden").waitFor({ state: "detached" });
  await tea.page.getByText("Owner · You").waitFor();
});
