import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Presence, thisDevice } from "../src/presence.js";
import { pass, type Stage, settled, stage, type Tab } from "./stage.js";

let set: Stage;

beforeEach(async () => {
  vi.useFakeTimers();
  set = await stage();
});

afterEach(() => {
  for (const tab of [set.anna, set.ben]) tab.client.dispose();
  vi.useRealTimers();
});

function seen(presence: Presence, person: Tab) {
  const { status, lastSeenAt, device } = presence.of(person.me).getSnapshot() ?? {};
  return { status, lastSeenAt, device };
}

/** A client that knew of presence from the beginning. */
async function watching(tab: Tab): Promise<Presence> {
  const presence = new Presence(tab.client);
  set.server.cut();
  await pass(2_000);
  return presence;
}

test("who is here is known after connecting, unknown without a connection, and known again after it", async () => {
  const presence = await watching(set.anna);
  expect(seen(presence, set.ben).status).toBe("online");
  set.server.reachable = false;
  for (const session of [...set.server.sessions]) if (session.userId === set.anna.me) session.cut();
  expect(presence.of(set.ben.me).getSnapshot()).toBeNull();
  set.server.reachable = true;
  await pass(5_000);
  expect(seen(presence, set.ben).status).toBe("online");
});

test("each change is told once, and to those alone who look at that person", async () => {
  const presence = await watching(set.anna);
  let ben = 0;
  let self = 0;
  presence.of(set.ben.me).subscribe(() => ben++);
  presence.of(set.anna.me).subscribe(() => self++);
  set.ben.client.activity = "away";
  await pass(16_000);
  expect([ben, self]).toEqual([1, 0]);
  expect(seen(presence, set.ben).status).toBe("away");
});

test("off and on within the lease shows nothing, signing out shows at once, with the time", async () => {
  const presence = await watching(set.anna);
  let changes = 0;
  presence.of(set.ben.me).subscribe(() => changes++);
  for (const session of [...set.server.sessions]) if (session.userId === set.ben.me) session.cut();
  await pass(10_000);
  expect(changes).toBe(0);
  const { me } = set.ben;
  await settled(set.ben.client.logout());
  expect(changes).toBe(1);
  expect(presence.of(me).getSnapshot()).toMatchObject({ status: "offline", lastSeenAt: expect.any(String) });
});

test("who is invisible is offline to others, and invisible to themselves", async () => {
  const [anna, ben] = [await watching(set.anna), new Presence(set.ben.client)];
  expect(ben.set("invisible")).toBe(true);
  await pass(100);
  expect(seen(anna, set.ben).status).toBe("offline");
  expect(seen(ben, set.ben).status).toBe("invisible");
  await settled(set.ben.client.api.updateMe({ presenceInvisible: false }));
  expect(seen(anna, set.ben).status).toBe("online");
});

test("who shares with nobody is offline without a time", async () => {
  const anna = await watching(set.anna);
  await settled(set.ben.client.api.updateMe({ presenceSharing: "nobody" }));
  expect(seen(anna, set.ben)).toEqual({ status: "offline", lastSeenAt: undefined, device: undefined });
});

test("whom one follows is asked for until it was answered", async () => {
  const presence = await watching(set.anna);
  const { id } = set.server.store.person("zoe", "longer than eight");
  set.server.reachable = false;
  set.server.cut();
  presence.follow([id]);
  expect(presence.of(id).getSnapshot()).toBeNull();
  set.server.reachable = true;
  await pass(40_000);
  expect(presence.of(id).getSnapshot()).toEqual({ userId: id, status: "offline" });
  const asked = () => set.server.received.filter(({ frame }) => frame.type === "presence:subscribe").length;
  expect(asked()).toBe(1);
  set.server.cut();
  await pass(40_000);
  expect(asked()).toBe(1);
});

test("many are asked for in frames of a thousand", async () => {
  const presence = await watching(set.anna);
  presence.follow(Array.from({ length: 2_500 }, (_, n) => `person-${n}`));
  await pass(100);
  const frames = set.server.received.filter(({ frame }) => frame.type === "presence:subscribe");
  expect(frames.map(({ frame }) => (frame.userIds as string[]).length)).toEqual([1000, 1000, 500]);
  expect(presence.of("person-2499").getSnapshot()?.status).toBe("offline");
});

test("nothing comes any more after it was disposed of", async () => {
  const presence = await watching(set.anna);
  const { me } = set.ben;
  presence.dispose();
  await settled(set.ben.client.logout());
  expect(presence.of(me).getSnapshot()?.status).toBe("online");
});

test("a browser is one device for good, whatever its storage allows", () => {
  const kept = new Map<string, string>();
  const storage = {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  };
  const { deviceId } = thisDevice(storage);
  expect(deviceId).toMatch(/^[0-9a-z]{24}$/);
  expect(thisDevice(storage).deviceId).toBe(deviceId);
  kept.set("parley-device", "ä".repeat(9));
  expect(thisDevice(storage).deviceId).toMatch(/^[0-9a-z]{24}$/);
  const refuses = () => {
    throw new Error("no storage here");
  };
  expect(thisDevice({ getItem: refuses, setItem: refuses }).deviceId).toBeUndefined();
});

test.each([
  ["Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36", 0, "desktop"],
  ["Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/130.0.0.0 Mobile Safari/537.36", 5, "mobile"],
  [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1",
    5,
    "mobile",
  ],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", 5, "mobile"],
  ["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15", 0, "desktop"],
])("%s with %i touches is on %s", (userAgent, maxTouchPoints, type) => {
  vi.stubGlobal("navigator", { userAgent, maxTouchPoints });
  expect(thisDevice(undefined).deviceType).toBe(type);
  vi.unstubAllGlobals();
});

test("the device is named when its connection begins, and the heartbeat says whether somebody is at it", async () => {
  const device = { deviceId: "d-1", deviceType: "mobile" } as const;
  const { ParleyClient } = await import("../src/index.js");
  const client = new ParleyClient({ ...set.server.browser(), device });
  const presence = await watching(set.anna);
  await settled(client.register({ username: "cleo", password: "longer than eight" }));
  const cleo = client.session.getSnapshot().user?.id as string;
  set.server.converse("direct", [set.anna.me, cleo]);
  await pass(100);
  expect(presence.of(cleo).getSnapshot()).toEqual({ userId: cleo, status: "online", device: "mobile" });
  client.activity = "away";
  await pass(16_000);
  const frames = set.server.received.filter(({ userId }) => userId === cleo).map(({ frame }) => frame);
  expect(frames.findLast(({ type }) => type === "presence:heartbeat")).toMatchObject({ status: "away" });
  const auth = set.server.received.filter(({ frame }) => frame.type === "auth" && frame.deviceId === "d-1");
  expect(auth).toHaveLength(1);
  expect(auth[0]?.frame).toMatchObject({ deviceType: "mobile" });
  client.dispose();
});
