import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { codes } from "../src/codes.gen.js";
import { errorOf } from "../src/errors.js";
import { type Code, ParleyError, type Retry, retryIn } from "../src/index.js";
import { type FakeRequest, problem } from "../src/testing/fake-server.js";
import { opened, pass, stage, statuses } from "./stage.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const all = Object.keys(codes) as Code[];
const retryOf = (code: Code): Retry => codes[code][1];
const rejected = (retry: Retry) => retry === "never" || retry === "sign_in";

/** Those that a server answers requests with. */
const answered = all.filter((code) => codes[code][0] > 0);

/** Answers every request for a path with a code, and counts them. */
function refuse(code: Code, path: RegExp, times = Number.POSITIVE_INFINITY, more: object = {}) {
  const asked: number[] = [];
  const between = (request: FakeRequest) => {
    if (!path.test(request.path) || asked.length >= times) return null;
    asked.push(Date.now());
    return problem(code, more);
  };
  return { asked, between };
}

describe("an error", () => {
  for (const code of all) {
    test(`${code} is retried ${retryOf(code)}`, () => {
      const error = new ParleyError(code, "It failed.", { retryAfterMs: 1000 });
      expect(error.retry).toBe(retryOf(code));
      expect(error.retryable).toBe(!rejected(error.retry));
      vi.spyOn(Math, "random").mockReturnValue(0.5);
      const waits = [0, 1, 2, 9].map((n) => retryIn(error, n));
      if (rejected(error.retry)) expect(waits).toEqual([null, null, null, null]);
      else if (error.retry === "once") expect(waits).toEqual([1500, null, null, null]);
      else expect(waits).toEqual([1500, 2000, 3000, 16_000]);
    });
  }

  test("is what the server says of it before what the table says", () => {
    expect(retryIn(errorOf({ code: "DB_TIMEOUT", retryable: false }), 0)).toBeNull();
    expect(errorOf({ code: "DB_TIMEOUT", error: "Later.", reason: "overloaded", retryAfterMs: 7 })).toMatchObject({
      message: "Later.",
      reason: "overloaded",
      retryAfterMs: 7,
      retryable: true,
    });
    expect(errorOf({ code: "OF_TOMORROW", detail: "New.", retryable: false }, 418)).toMatchObject({
      code: "VALIDATION_ERROR",
      message: "New.",
      retryable: false,
    });
    expect(errorOf({ code: "toString" }).code).toBe("INTERNAL");
  });

  test("without a code is what its status says of who answered", () => {
    const read: Record<number, Code> = {
      ...{ 400: "VALIDATION_ERROR", 401: "AUTH_FAILED", 403: "FORBIDDEN", 404: "NOT_FOUND", 405: "VALIDATION_ERROR" },
      ...{ 409: "CONFLICT", 413: "VALIDATION_ERROR", 422: "VALIDATION_ERROR", 429: "RATE_LIMITED" },
      ...{
        500: "NETWORK_ERROR",
        502: "NETWORK_ERROR",
        503: "NETWORK_ERROR",
        504: "NETWORK_ERROR",
        522: "NETWORK_ERROR",
      },
    };
    for (const [status, code] of Object.entries(read)) {
      for (const body of [undefined, null, "<html>", 7, [], {}, { error: { no: "text" }, errors: [null] }]) {
        expect([status, errorOf(body, Number(status)).code]).toEqual([status, code]);
      }
    }
    expect(errorOf(undefined, 502).message).toBe("The server cannot be reached.");
  });
});

describe("reading by itself", () => {
  for (const code of answered) {
    test(`ends or goes on after ${code} as the table says`, async () => {
      const { server, anna, conversation } = await stage();
      const { asked, between } = refuse(code, /messages$/);
      server.between = between;
      const annas = await opened(anna, conversation.id);
      await pass(130_000);
      const { loaded, error, removed } = annas.store.getSnapshot();
      expect(loaded).toBe(false);
      switch (retryOf(code)) {
        case "never":
          expect(asked).toHaveLength(1);
          expect(code === "NOT_IN_CONVERSATION" ? removed : error?.code).toBe(
            code === "NOT_IN_CONVERSATION" ? "removed" : code,
          );
          break;
        case "sign_in":
          expect(asked).toHaveLength(2);
          expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-out", error: { code } });
          break;
        case "once":
          expect(asked).toHaveLength(2);
          expect(error).toMatchObject({ code, traceId: "fake" });
          break;
        default:
          // Backoff: more than three in 130 s, and no hammering.
          expect(asked.length).toBeGreaterThan(3);
          expect(asked.length).toBeLessThan(40);
          expect(error).toBeNull();
          server.between = () => null;
          await pass(31_000);
          expect(annas.store.getSnapshot()).toMatchObject({ loaded: true, error: null });
      }
    });
  }

  test("waits as long as Retry-After says, and jitter on top", async () => {
    const { server, anna, conversation } = await stage();
    const asked: number[] = [];
    server.between = ({ path }) => {
      if (!path.endsWith("/messages") || asked.push(Date.now()) > 1) return null;
      return new Response("<html>", { status: 429, headers: { "Retry-After": "20" } });
    };
    const annas = await opened(anna, conversation.id);
    await pass(40_000);
    const [first = 0, second = 0] = asked;
    expect(second - first).toBeGreaterThanOrEqual(20_000);
    expect(second - first).toBeLessThanOrEqual(21_100);
    expect(annas.store.getSnapshot().loaded).toBe(true);
  });

  test("goes on through the pages of a proxy", async () => {
    const { server, anna, conversation } = await stage();
    const pages = [502, 503, 504, 200];
    server.between = ({ path }) => {
      const status = path.endsWith("/messages") ? pages.shift() : undefined;
      return status ? new Response("<html>Bad gateway</html>", { status }) : null;
    };
    const annas = await opened(anna, conversation.id);
    await pass(31_000);
    expect(pages).toEqual([]);
    expect(annas.store.getSnapshot()).toMatchObject({ loaded: true, error: null });
  });

  test("that was given up is tried again when the person asks, and at the next connection", async () => {
    const { server, anna, conversation } = await stage();
    server.between = refuse("INTERNAL", /messages$/, 4).between;
    const annas = await opened(anna, conversation.id);
    await pass(5000);
    expect(annas.store.getSnapshot().error?.traceId).toBe("fake");
    void annas.loadOlder();
    await pass(5000);
    expect(annas.store.getSnapshot()).toMatchObject({ loaded: false, error: { code: "INTERNAL" } });
    server.cut();
    await pass(5000);
    expect(annas.store.getSnapshot()).toMatchObject({ loaded: true, error: null });
  });

  test("of the list says why it failed, and is tried again when the person asks", async () => {
    const { server, anna } = await stage();
    const { asked, between } = refuse("INTERNAL", /conversations$/);
    server.between = between;
    void anna.reload();
    await pass(60_000);
    expect(anna.client.conversations.getSnapshot()).toMatchObject({ loaded: false, error: { traceId: "fake" } });
    expect(asked.length).toBeLessThanOrEqual(4);
    server.between = () => null;
    void anna.client.loadMoreConversations();
    await pass(100);
    expect(anna.client.conversations.getSnapshot()).toMatchObject({ loaded: true, error: null });
  });
});

describe("restoring a session", () => {
  for (const code of answered) {
    test(`ends or goes on after ${code} as the table says`, async () => {
      const { server, anna } = await stage();
      const { asked, between } = refuse(code, /refresh$/);
      server.between = between;
      void anna.reload();
      await pass(60_000);
      const { status, error } = anna.client.session.getSnapshot();
      if (rejected(retryOf(code))) expect(asked).toHaveLength(1);
      else if (retryOf(code) === "once") expect(asked).toHaveLength(2);
      else expect(asked.length).toBeGreaterThan(2);
      expect(status).toBe(rejected(retryOf(code)) || retryOf(code) === "once" ? "signed-out" : "restoring");
      // That nobody is signed in is no failure.
      expect(error?.code).toBe(retryOf(code) === "sign_in" ? undefined : code);
    });
  }
});

describe("sending", () => {
  for (const code of answered) {
    test(`ends or goes on after ${code} as the table says`, async () => {
      const { server, anna, conversation } = await stage();
      const annas = await opened(anna, conversation.id);
      for (let i = 0; i < 3; i++) server.refusals.push({ code, traceId: "fake", reason: "overloaded" });
      annas.send("one");
      await pass(120_000);
      const [view] = annas.store.getSnapshot().messages;
      switch (retryOf(code)) {
        case "never":
          expect(server.refusals).toHaveLength(2);
          expect(view).toMatchObject({ status: "failed", error: { code, reason: "overloaded" } });
          break;
        case "once":
          expect(server.refusals).toHaveLength(1);
          expect(view).toMatchObject({ status: "failed", error: { code, traceId: "fake" } });
          break;
        default:
          expect(server.refusals).toHaveLength(0);
          expect(statuses(annas)).toEqual(["stored"]);
      }
      expect(conversation.messages.length).toBe(view?.status === "failed" ? 0 : 1);
    });
  }

  test("again waits for retryAfterMs and jitter, so that not all come back at once", async () => {
    const { server, anna, conversation } = await stage();
    const annas = await opened(anna, conversation.id);
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    server.refusals.push({ code: "DB_TIMEOUT", reason: "overloaded", retryAfterMs: 2000 });
    annas.send("one");
    await pass(2400);
    expect(statuses(annas)).toEqual(["queued"]);
    await pass(200);
    expect(statuses(annas)).toEqual(["stored"]);
  });
});

describe("subscribing", () => {
  for (const code of answered.filter((code) => retryOf(code) !== "sign_in")) {
    test(`ends or goes on after ${code} as the table says`, async () => {
      const { server, anna, conversation } = await stage();
      const real = server.receive.bind(server);
      let asked = 0;
      server.receive = (session, frame) => {
        if (frame.type !== "subscribe" || ++asked > 3) real(session, frame);
        else
          session.send({
            type: "error",
            error: "No.",
            code,
            retryable: new ParleyError(code).retryable,
            ref: conversation.id,
          });
      };
      const annas = await opened(anna, conversation.id);
      await pass(60_000);
      const { error, removed } = annas.store.getSnapshot();
      if (code === "NOT_IN_CONVERSATION") expect(removed).toBe("removed");
      else expect(error?.code).toBe(rejected(retryOf(code)) || retryOf(code) === "once" ? code : undefined);
      expect(asked).toBe(retryOf(code) === "never" ? 1 : retryOf(code) === "once" ? 2 : 4);
    });
  }
});

/** Anna's are the only connections. */
async function alone() {
  const { server, anna, ben } = await stage();
  ben.client.dispose();
  return { server, anna };
}

describe("signing in to a socket", () => {
  for (const code of answered) {
    test(`ends or goes on after ${code} as the table says`, async () => {
      const { server, anna } = await alone();
      const refreshed = vi.spyOn(server, "mint");
      const real = server.receive.bind(server);
      const tried: number[] = [];
      server.receive = (session, frame) => {
        if (frame.type !== "auth") return real(session, frame);
        tried.push(Date.now());
        session.send({ type: "auth:error", error: "Not like this.", code });
        session.close(retryOf(code) === "sign_in" ? 4401 : retryOf(code) === "never" ? 1008 : 1011);
      };
      server.cut();
      await pass(120_000);
      const { state, reason } = anna.client.connection.getSnapshot();
      if (retryOf(code) === "never") {
        expect(tried).toHaveLength(1);
        expect({ state, reason }).toEqual({ state: "closed", reason: "Not like this." });
        expect(refreshed).not.toHaveBeenCalled();
      } else {
        // Neither the socket nor the refresh is hammered, and the login is kept: the refresh says that it is good.
        expect(tried.length).toBeGreaterThan(3);
        expect(tried.length).toBeLessThan(40);
        expect(refreshed.mock.calls.length).toBe(retryOf(code) === "sign_in" ? tried.length - 1 : 0);
        server.receive = real;
        await pass(31_000);
        expect(anna.client.connection.getSnapshot().state).toBe("online");
      }
      expect(anna.client.session.getSnapshot().status).toBe("signed-in");
    });
  }

  test("gives up after a device that the server does not take, also when an older one closes with 4401", async () => {
    const { server, anna } = await alone();
    const real = server.receive.bind(server);
    let tried = 0;
    server.receive = (session, frame) => {
      if (frame.type !== "auth") return real(session, frame);
      tried++;
      session.send({ type: "auth:error", error: "deviceType: mobile or desktop.", code: "VALIDATION_ERROR" });
      session.close(4401);
    };
    server.cut();
    await pass(120_000);
    expect(tried).toBe(1);
    expect(anna.client.connection.getSnapshot()).toMatchObject({
      state: "closed",
      reason: "deviceType: mobile or desktop.",
    });
  });

  test("waits as long as it is told after too many", async () => {
    const { server, anna } = await alone();
    const real = server.receive.bind(server);
    const tried: number[] = [];
    server.receive = (session, frame) => {
      if (frame.type !== "auth" || tried.push(Date.now()) > 1) return real(session, frame);
      session.send({ type: "auth:error", error: "Too many.", code: "RATE_LIMITED", retryAfterMs: 15_000 });
      session.close(4429);
    };
    server.cut();
    await pass(20_000);
    expect((tried[1] ?? 0) - (tried[0] ?? 0)).toBeGreaterThanOrEqual(15_000);
    expect(anna.client.connection.getSnapshot().state).toBe("online");
  });

  test("an upgrade that is refused, which no browser explains, is tried again with backoff", async () => {
    const { server, anna } = await alone();
    let tried = 0;
    server.accepts = () => tried++ > 5;
    server.cut();
    await pass(120_000);
    expect(tried).toBe(7);
    expect(anna.client.connection.getSnapshot().state).toBe("online");
  });
});

describe("a clock that is wrong", () => {
  for (const hours of [-30, -3, 3, 30]) {
    test(`by ${hours} hours, from one moment to the next, costs no login and no message`, async () => {
      const { server, anna, conversation } = await stage();
      const annas = await opened(anna, conversation.id);
      // The server's clock goes on as it did: its tokens are as good as before.
      const verify = server.verify.bind(server);
      const wrong = hours * 3_600_000;
      server.verify = (token) => {
        const now = Date.now();
        vi.setSystemTime(now - wrong);
        const userId = verify(token);
        vi.setSystemTime(now);
        return userId;
      };
      vi.setSystemTime(Date.now() + wrong);
      server.cut();
      annas.send("one");
      await pass(65_000);
      expect(statuses(annas)).toEqual(["stored"]);
      expect(anna.client.session.getSnapshot()).toMatchObject({ status: "signed-in" });
      expect(anna.client.connection.getSnapshot().state).toBe("online");
    });
  }
});
