import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { opened, pass, settled, stage, Tab, texts } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test("a session is restored by its cookie, and nobody is signed in without one", async () => {
  const { anna } = await stage();
  await settled(anna.reload());
  expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-in", user: { username: "anna" } });
  await settled(anna.client.logout());
  await settled(anna.reload());
  expect(anna.client.session.getSnapshot()).toEqual({ status: "signed-out", user: null, error: null });
});

test("a session goes on being restored while the server is away", async () => {
  const { server, anna } = await stage();
  server.reachable = false;
  const restored = anna.reload();
  await pass(10_000);
  expect(anna.client.session.getSnapshot().status).toBe("restoring");
  expect(anna.client.session.getSnapshot().error?.code).toBe("NETWORK_ERROR");
  server.reachable = true;
  await settled(restored, 31_000);
  expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-in", error: null });
});

test("a token that expired is refreshed once for all requests that notice", async () => {
  const { server, anna } = await stage();
  const mint = vi.spyOn(server, "mint");
  server.expireTokens();
  const found = await settled(Promise.all([1, 2, 3].map(() => anna.client.api.searchUsers("be"))));
  expect(found.map((users) => users.length)).toEqual([1, 1, 1]);
  expect(mint).toHaveBeenCalledTimes(1);
});

test("a session outlives its access token", async () => {
  const { server, anna, ben, conversation } = await stage();
  const annas = await opened(anna, conversation.id);
  await pass(3_600_000);
  server.post(conversation, ben.me, "still there");
  annas.send("yes");
  await pass(31_000);
  expect(texts(annas)).toEqual(["still there", "yes"]);
});

test("a wrong password is a ParleyError, and leaves nobody signed in", async () => {
  const { anna } = await stage();
  await expect(settled(anna.client.login({ username: "anna", password: "wrong" }))).rejects.toMatchObject({
    name: "ParleyError",
    code: "AUTH_FAILED",
    retryable: false,
  });
  expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-out", error: { code: "AUTH_FAILED" } });
});

test("a session ends when somebody else signs in in the same browser", async () => {
  const { server, anna, ben } = await stage();
  anna.jar.refresh = ben.jar.refresh ?? null;
  server.expireTokens();
  await expect(settled(anna.client.api.me())).rejects.toMatchObject({ code: "AUTH_FAILED" });
  expect(anna.client.session.getSnapshot().status).toBe("signed-out");
});

test("two slots of one browser are two logins", async () => {
  const { server, anna } = await stage();
  const ben = new Tab(server, anna.storage, anna.jar, "ben");
  await settled(ben.client.login({ username: "ben", password: "longer than eight" }));
  const people = () => [anna, ben].map(({ client }) => client.session.getSnapshot().user?.username);
  server.expireTokens();
  await settled(Promise.all([anna, ben].map(({ client }) => client.api.me())));
  expect(people()).toEqual(["anna", "ben"]);
  await settled(Promise.all([anna.reload(), ben.reload()]));
  expect(people()).toEqual(["anna", "ben"]);
  await settled(ben.client.logout());
  await settled(Promise.all([anna.reload(), ben.reload()]));
  expect(people()).toEqual(["anna", undefined]);
});

test("a sign-out while a refresh is on its way stays one", async () => {
  const { server, anna } = await stage();
  server.expireTokens();
  server.latency = () => 200;
  const asked = anna.client.api.me().catch((error) => error.code);
  await pass(500);
  await settled(anna.client.logout(), 2000);
  expect(await asked).toBe("UNAUTHORIZED");
  expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-out", user: null });
  expect(anna.client.connection.getSnapshot().state).toBe("idle");
});
