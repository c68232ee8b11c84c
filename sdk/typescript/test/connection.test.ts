import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { backoff, longestBackoff } from "../src/backoff.js";
import { afterClose } from "../src/connection.js";
import type { ConnectionState } from "../src/index.js";
import { closeCodes } from "./close-codes.gen.js";
import { opened, pass, stage, type Tab } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

function state(tab: Tab): ConnectionState {
  return tab.client.connection.getSnapshot();
}

function states(tab: Tab): string[] {
  const seen: string[] = [state(tab).state];
  tab.client.connection.subscribe(() => {
    if (seen.at(-1) !== state(tab).state) seen.push(state(tab).state);
  });
  return seen;
}

describe("backoff", () => {
  test("is anything from nothing to 1, 2, 4, 8, 16, 30 s, and never more", () => {
    expect([0, 1, 2, 3, 4, 5, 6, 99].map(longestBackoff)).toEqual([1, 2, 4, 8, 16, 30, 30, 30].map((s) => s * 1000));
    for (let n = 0; n < 8; n++) {
      const waits = Array.from({ length: 500 }, () => backoff(n));
      expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...waits)).toBeLessThanOrEqual(longestBackoff(n));
      expect(Math.max(...waits) - Math.min(...waits)).toBeGreaterThan(longestBackoff(n) * 0.9);
    }
  });

  test("grows while nothing answers, and begins anew only after a connection that lasted", async () => {
    const { server, anna } = await stage();
    await pass(31_000);
    vi.spyOn(Math, "random").mockReturnValue(1);
    const waits: number[] = [];
    anna.client.connection.subscribe(() => {
      const { retryAt } = state(anna);
      if (retryAt !== null) waits.push(Math.round((retryAt - Date.now()) / 1000));
    });
    server.reachable = false;
    server.cut();
    await pass(120_000);
    expect(waits.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 30, 30]);
    server.reachable = true;
    await pass(31_000);
    expect(state(anna).state).toBe("online");
    await pass(31_000);
    waits.length = 0;
    server.cut();
    expect(waits).toEqual([1]);
    await pass(1100);
    expect(state(anna).state).toBe("online");
    server.cut();
    expect(waits).toEqual([1, 2]);
  });
});

describe("close codes", () => {
  test("of the table mean what it says", () => {
    for (const [code, again] of Object.entries(closeCodes)) {
      // The client closes with 1000 itself, and has let go of the socket by then.
      if (code !== "1000") expect([code, afterClose(Number(code)) === "again"]).toEqual([code, again]);
    }
  });

  test("mean what their range says", () => {
    const meant: Record<ReturnType<typeof afterClose>, number[]> = {
      again: [1000, 1001, 1005, 1006, 1011, 1012, 1013, 4404, 4408, 4413, 4429, 4499, 4500, 3000],
      renew: [4400, 4401, 4402],
      ended: [4403],
      fault: [1002, 1003, 1007, 1008, 1009],
    };
    for (const [what, codes] of Object.entries(meant)) {
      for (const code of codes) expect([code, afterClose(code)]).toEqual([code, what]);
    }
  });

  for (const code of [1001, 1012, 4408, 4413, 4429, 4450]) {
    test(`${code} connects again`, async () => {
      const { server, anna } = await stage();
      const seen = states(anna);
      server.close(code);
      await pass(3000);
      expect(seen).toEqual(["online", "backoff", "connecting", "online"]);
    });
  }

  test("4401 gets a fresh token first", async () => {
    const { server, anna } = await stage();
    server.expireTokens();
    server.close(4401);
    await pass(3000);
    expect(state(anna).state).toBe("online");
    expect(anna.client.session.getSnapshot().status).toBe("signed-in");
  });

  test("4401 with a login that has ended signs out and says why", async () => {
    const { server, anna } = await stage();
    server.endLogin(anna.jar.refresh as string);
    server.close(4401);
    await pass(3000);
    expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-out", user: null });
    expect(anna.client.session.getSnapshot().error?.code).toBe("UNAUTHORIZED");
    expect(state(anna).state).toBe("idle");
  });

  test("4403 gives up the login and says why", async () => {
    const { server, anna } = await stage();
    server.close(4403);
    await pass(60_000);
    expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-out", error: { code: "AUTH_FAILED" } });
    expect(state(anna).state).toBe("idle");
  });

  test("1008 gives up until somebody asks", async () => {
    const { server, anna } = await stage();
    server.close(1008);
    await pass(120_000);
    expect(state(anna).state).toBe("closed");
    expect(state(anna).reason).not.toBeNull();
    anna.client.reconnectNow();
    await pass(100);
    expect(state(anna).state).toBe("online");
  });
});

describe("a connection", () => {
  test("renews its token on the same socket when the server asks", async () => {
    const { server, anna } = await stage();
    const seen = states(anna);
    const auths = () => server.received.filter(({ frame }) => frame.type === "auth").map(({ frame }) => frame.token);
    const before = auths();
    server.tell(anna.me, { type: "auth:expiring", expiresAt: new Date(Date.now() + 60_000).toISOString() });
    await pass(100);
    expect(seen).toEqual(["online"]);
    expect(auths()).toHaveLength(before.length + 1);
    expect(before).not.toContain(auths().at(-1));
  });

  test("is kept until the leaving node closes it, and made anew at once", async () => {
    const { server, anna } = await stage();
    server.tell(anna.me, { type: "system:draining", reconnectInMs: 1700 });
    await pass(1690);
    expect(state(anna).state).toBe("online");
    await pass(20);
    const seen = states(anna);
    server.close(1012);
    await pass(100);
    expect(seen).toContain("connecting");
    expect(seen.at(-1)).toBe("online");
  });

  test("to a leaving node that closes too soon is made anew when the node said", async () => {
    const { server, anna } = await stage();
    server.tell(anna.me, { type: "system:draining", reconnectInMs: 1700 });
    await pass(50);
    server.close(1012);
    await pass(20);
    expect(state(anna).state).toBe("backoff");
    anna.client.reconnectNow();
    await pass(1500);
    expect(state(anna).state).toBe("backoff");
    await pass(300);
    expect(state(anna).state).toBe("online");
  });

  test("brings what the operator says, until the person signs out", async () => {
    const { server, anna } = await stage();
    const said = anna.client.announcements;
    server.tell(anna.me, { type: "system:announcement", text: "At 22:00 the server restarts." });
    server.tell(anna.me, { type: "system:announcement", text: "It is done." });
    await pass(10);
    expect(said.getSnapshot()).toEqual(["At 22:00 the server restarts.", "It is done."]);
    await Promise.all([anna.client.logout(), pass(100)]);
    expect(said.getSnapshot()).toEqual([]);
  });

  test("that was refused waits as long as the server says", async () => {
    const { server, anna } = await stage();
    server.tell(anna.me, {
      type: "error",
      error: "Too many.",
      code: "RATE_LIMITED",
      retryable: true,
      retryAfterMs: 5000,
    });
    await pass(10);
    server.close(4429);
    await pass(4900);
    expect(state(anna).state).toBe("backoff");
    // And a random part of the first second on top.
    await pass(1300);
    expect(state(anna).state).toBe("online");
  });

  test("that is idle but well stays, and is told so every 15 s", async () => {
    const { server, anna } = await stage();
    const seen = states(anna);
    server.received.length = 0;
    await pass(600_000);
    expect(seen).toEqual(["online"]);
    const mine = server.received.filter(({ userId }) => userId === anna.me);
    const beats = mine.filter(({ frame }) => frame.type === "presence:heartbeat");
    expect(beats.length).toBeGreaterThanOrEqual(39);
    expect(beats[0]?.frame.status).toBe("online");
    expect(mine.length - beats.length).toBeLessThanOrEqual(21);
  });

  test("through which nothing comes is given up 40 s after its last frame", async () => {
    const { server, anna } = await stage();
    await pass(45_000);
    server.frozen = true;
    const from = Date.now();
    let noticed = 0;
    anna.client.connection.subscribe(() => {
      noticed ||= state(anna).state === "online" ? 0 : Date.now() - from;
    });
    await pass(60_000);
    expect(noticed).toBeGreaterThan(0);
    expect(noticed).toBeLessThanOrEqual(40_000);
    server.frozen = false;
    await pass(31_000);
    expect(state(anna).state).toBe("online");
  });

  test("in doubt after a wake-up is given up within seconds", async () => {
    const { server, anna } = await stage();
    server.frozen = true;
    anna.client.reconnectNow();
    await pass(5100);
    expect(state(anna).state).not.toBe("online");
  });

  test("opens all conversations again in one frame", async () => {
    const { server, anna, ben, conversation } = await stage();
    const other = server.converse("group", [ben.me, anna.me], "Plans");
    await opened(anna, conversation.id);
    await opened(anna, other.id);
    server.cut();
    server.received.length = 0;
    await pass(2000);
    const subscribes = server.received.filter(({ frame, userId }) => frame.type === "subscribe" && userId === anna.me);
    expect(subscribes.map(({ frame }) => frame.conversations)).toEqual([
      [
        { conversationId: conversation.id, afterRev: 1 },
        { conversationId: other.id, afterRev: 1 },
      ],
    ]);
  });

  test("is closed and idle after the person signs out", async () => {
    const { server, anna } = await stage();
    const seen = states(anna);
    await Promise.all([anna.client.logout(), pass(100)]);
    expect(seen).toEqual(["online", "idle"]);
    expect([...server.sessions].some((session) => session.userId === anna.me)).toBe(false);
  });
});
