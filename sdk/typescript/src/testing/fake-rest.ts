import { codes } from "../codes.gen.js";
import { type Code, ParleyError } from "../errors.js";
import { Refusal } from "./fake-refusal.js";
import type { FakeServer } from "./fake-server.js";
import type { FakeConversation } from "./fake-store.js";

export interface FakeRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Record<string, unknown>;
  readonly authorization: string | null;
  /** The cookie that the request's slot has its refresh token in. */
  readonly cookie: string;
}

/** The refresh cookies of one browser: `refresh`, and a `refresh_<slot>` for each slot. */
export type CookieJar = Record<string, string | null>;

type Answer = readonly [status: number, body?: unknown];

/** Answers a REST request as the server would. */
export function answer(server: FakeServer, request: FakeRequest, jar: CookieJar): Response {
  try {
    const [status, body] = route(server, request, jar);
    return new Response(body === undefined ? null : JSON.stringify(body), { status });
  } catch (thrown) {
    return problem((thrown as Refusal).code);
  }
}

/** The server's answer to a request that failed, with what else it says. */
export function problem(code: Code, more: object = {}): Response {
  const status = codes[code][0];
  const { retryable } = new ParleyError(code);
  const body = { title: "Refused", status, detail: code, code, retryable, traceId: "fake", ...more };
  return new Response(JSON.stringify(body), { status });
}

function route(server: FakeServer, request: FakeRequest, jar: CookieJar): Answer {
  const { store } = server;
  const { method, body } = request;
  const parts = request.path.replace(/^\/api\//, "").split("/");
  if (parts[0] === "auth") return auth(server, parts[1] as string, request, jar);
  const me = server.verify(request.authorization?.replace("Bearer ", "") ?? "");
  if (!me) throw new Refusal("AUTH_FAILED");
  if (parts[0] === "users") {
    if (parts[1] === "me") {
      if (method === "PATCH") server.edit(me, body);
      return [200, store.me(me)];
    }
    const q = request.query.get("q") ?? "";
    const found = [...store.people.values()].filter(
      (p) => p.id !== me && p.username.startsWith(q) && !server.friends.apart(me, p.id),
    );
    return [200, { users: found.map((p) => store.user(p.id)), nextCursor: null, hasMore: false }];
  }
  if (parts[0] === "friends" || parts[0] === "blocks") return people(server, me, parts, request);
  if (parts[1] === undefined) return method === "POST" ? create(server, me, body) : list(server, me, request.query);
  const c = store.conversations.get(parts[1]);
  if (!c?.people.includes(me)) throw new Refusal("NOT_IN_CONVERSATION");
  switch (`${method} ${parts[2] ?? ""}`) {
    case "GET ":
      return [200, store.view(c, me)];
    case "PATCH ":
      c.title = String(body.title) || null;
      server.announceRoster(c);
      return [200, store.view(c, me)];
    case "GET messages":
      return parts[4] === "receipts" ? readers(server, c, parts[3], request.query) : history(c, request.query);
    case "PATCH messages":
    case "DELETE messages": {
      const message = server.revise(c, parts[3] as string, method === "PATCH" ? String(body.content) : null);
      if (!message) throw new Refusal("NOT_FOUND");
      return method === "PATCH" ? [200, message] : [204];
    }
    case "GET changes": {
      const limit = Number(request.query.get("limit") ?? 50);
      const all = store.changes(c, Number(request.query.get("afterRev")));
      const changes = all.slice(0, limit).map((change) => change.event);
      return [200, { changes, lastRev: c.lastRev, hasMore: all.length > limit }];
    }
  }
  throw new Refusal("NOT_FOUND");
}

function auth(server: FakeServer, action: string, { body, cookie }: FakeRequest, jar: CookieJar): Answer {
  if (action === "logout") {
    const login = jar[cookie];
    const userId = login ? server.loginOf(login) : undefined;
    if (login) server.endLogin(login);
    if (userId) server.presence.end(userId);
    jar[cookie] = null;
    return [204];
  }
  let userId: string | undefined;
  if (action === "refresh") {
    userId = server.loginOf(jar[cookie] ?? null);
    if (!userId) throw new Refusal("UNAUTHORIZED");
  } else {
    const known = server.store.byName(String(body.username));
    if (action === "register" && known) throw new Refusal("CONFLICT");
    if (action === "login" && known?.password !== body.password) throw new Refusal("AUTH_FAILED");
    userId = (known ?? server.store.person(String(body.username), String(body.password))).id;
    jar[cookie] = server.beginLogin(userId);
  }
  const accessToken = server.mint(userId, jar[cookie] as string);
  return [200, { user: server.store.me(userId), accessToken, expiresIn: server.tokenSeconds }];
}

/** Friends and blocks. */
function people({ friends }: FakeServer, me: string, parts: string[], { method, body, query }: FakeRequest): Answer {
  const [list, id = String(body.userId)] = parts as ["friends" | "blocks", string?];
  switch (`${method} ${list}`) {
    case "GET friends":
      return page(list, friends.of(me), query);
    case "GET blocks":
      return page(list, friends.blocks(me), query);
    case "POST friends":
      return [200, friends.befriend(me, id, parts[2] === "accept")];
    case "DELETE friends":
      friends.unfriend(me, id);
      return [204];
    case "POST blocks":
      friends.block(me, id, true);
      return [200, friends.blocks(me).find(({ user }) => user.id === id)];
    case "DELETE blocks":
      friends.block(me, id, false);
      return [204];
  }
  throw new Refusal("NOT_FOUND");
}

function page(name: string, all: readonly unknown[], query: URLSearchParams): Answer {
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Number(query.get("limit") ?? 50);
  const hasMore = all.length > to;
  return [200, { [name]: all.slice(from, to), nextCursor: hasMore ? String(to) : null, hasMore }];
}

function create(server: FakeServer, me: string, body: Record<string, unknown>): Answer {
  const people = [me, ...(body.participantIds as string[])];
  const title = (body.title as string | undefined) ?? null;
  const c = server.converse(body.type as "direct" | "group", people, title);
  return [201, server.store.view(c, me)];
}

function list(server: FakeServer, me: string, query: URLSearchParams): Answer {
  const limit = Number(query.get("limit") ?? 50);
  const from = Number(query.get("cursor") ?? 0);
  const all = [...server.store.conversations.values()]
    .filter((c) => c.people.includes(me))
    .sort((a, b) => (a.updatedAt < b.updatedAt ? 1 : -1));
  const conversations = all.slice(from, from + limit).map((c) => server.store.view(c, me));
  const hasMore = all.length > from + limit;
  return [200, { conversations, nextCursor: hasMore ? String(from + limit) : null, hasMore }];
}

function history(c: FakeConversation, query: URLSearchParams): Answer {
  const limit = Number(query.get("limit") ?? 50);
  const before = Number(query.get("cursor") ?? c.messages.length + 1);
  const messages = c.messages.filter((m) => m.seq < before).slice(-limit);
  const oldest = messages[0]?.seq ?? 1;
  return [200, { messages: messages.reverse(), nextCursor: oldest > 1 ? String(oldest) : null, hasMore: oldest > 1 }];
}

function readers(server: FakeServer, c: FakeConversation, id: string | undefined, query: URLSearchParams): Answer {
  const message = c.messages.find((m) => m.id === id);
  if (!message) throw new Refusal("NOT_FOUND");
  const all = server.store.readers(c, message);
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Number(query.get("limit") ?? 50);
  const hasMore = all.length > to;
  const nextCursor = hasMore ? String(to) : null;
  return [200, { receipts: all.slice(from, to), readCount: all.length, nextCursor, hasMore }];
}
