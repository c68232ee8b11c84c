import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "./lib/setting.mjs";

const scene = setting();

test("the link of the first start makes the owner's account, once", async () => {
  const link = scene.server.ownerLink;
  assert.ok(link, "the first start prints an owner link");
  const own = await scene.person("boss");
  await own.page.goto(link);
  await own.page.getByRole("heading", { name: "This server is yours" }).waitFor();
  await own.page.getByLabel("Username").fill("boss");
  await own.page.getByLabel("Password", { exact: true }).fill("boss-password");
  await own.page.getByRole("button", { name: "Create account", exact: true }).click();
  await own.page.getByRole("navigation", { name: "Conversations" }).waitFor();
  assert.equal(new URL(own.page.url()).hash, "");

  const late = await scene.person("late");
  await late.page.goto(link);
  await late.page.getByLabel("Username").fill("late");
  await late.page.getByLabel("Password", { exact: true }).fill("late-password");
  await late.page.getByRole("button", { name: "Create account", exact: true }).click();
  await late.page.getByRole("alert").waitFor();
});
