import type { DeviceType, PersonPresence } from "../shapes.js";
import type { FakeServer } from "./fake-server.js";
import type { FakeSession } from "./fake-socket.js";

/** How long somebody is still there after the last of their connections has ended, in milliseconds (C7.1). */
const lease = 30_000;
const perFrame = 1000;

interface Here {
  away: boolean;
  readonly device: DeviceType | undefined;
}

/** Who is here on a {@link FakeServer}, and who may know it (C7): leases, privacy, differences only. */
export class FakePresence {
  readonly #server: FakeServer;
  readonly #here = new Map<FakeSession, Here>();
  readonly #leases = new Map<string, ReturnType<typeof setTimeout>>();
  /** As they were when their last connection ended, while the lease lasts. */
  readonly #remembered = new Map<string, Here>();
  readonly #followed = new Map<string, Set<string>>();
  readonly #told = new Map<FakeSession, Map<string, string>>();

  constructor(server: FakeServer) {
    this.#server = server;
  }

  /** Somebody's connection is open. */
  arrive(session: FakeSession, device: DeviceType | undefined): void {
    this.#here.set(session, { away: false, device });
    clearTimeout(this.#leases.get(session.userId as string));
    this.#leases.delete(session.userId as string);
    this.#remembered.delete(session.userId as string);
    this.#told.set(session, new Map());
    this.#state(session, this.#watched(session.userId as string));
    this.update();
  }

  /** A connection has ended; after the last one its person stays for as long as the lease. */
  leave(session: FakeSession): void {
    const here = this.#here.get(session);
    this.#told.delete(session);
    this.#here.delete(session);
    const userId = session.userId as string;
    if (!here || this.#sessions(userId).length > 0) return;
    const gone = setTimeout(() => this.end(userId), lease);
    this.#leases.set(userId, gone);
    this.#remembered.set(userId, here);
  }

  /** Somebody is gone: signed out, or too long without a connection. */
  end(userId: string): void {
    clearTimeout(this.#leases.get(userId));
    this.#leases.delete(userId);
    this.#remembered.delete(userId);
    const person = this.#server.store.people.get(userId);
    if (person && !person.presenceInvisible) this.#server.edit(userId, { lastSeenAt: this.#server.store.now() });
    this.update();
  }

  beat(session: FakeSession, status: unknown): void {
    const here = this.#here.get(session);
    if (here && (status === "online" || status === "away")) here.away = status === "away";
    this.update();
  }

  set(session: FakeSession, status: unknown): void {
    const invisible = status === "invisible";
    this.#server.edit(session.userId as string, { presenceInvisible: invisible });
    this.beat(session, status);
  }

  follow(session: FakeSession, ids: readonly string[], follows: boolean): void {
    const userId = session.userId as string;
    const followed = this.#followed.get(userId) ?? new Set();
    for (const id of ids) follows ? followed.add(id) : followed.delete(id);
    this.#followed.set(userId, followed);
    this.#state(session, ids);
  }

  /** Tells everybody what is different from what they were told. */
  update(): void {
    for (const [session, told] of this.#told) {
      for (const id of new Set([...this.#watched(session.userId as string), ...told.keys()])) {
        const presence = this.of(id, session.userId as string);
        if (told.get(id) === JSON.stringify(presence)) continue;
        told.set(id, JSON.stringify(presence));
        session.send({ type: "presence:changed", ...presence });
      }
    }
  }

  /** What one may know of another. */
  of(userId: string, viewer: string): PersonPresence {
    const { store, friends } = this.#server;
    const person = store.people.get(userId);
    const known = this.#known(userId);
    if (!person) return { userId, status: "offline" };
    if (viewer === userId) return person.presenceInvisible ? { userId, status: "invisible" } : known;
    const together = [...store.conversations.values()].some(({ people }) =>
      [userId, viewer].every((id) => people.includes(id)),
    );
    const near = friends.are(userId, viewer) || (person.presenceSharing === "everyone" && together);
    const secret = !person.presenceEnabled || person.presenceSharing === "nobody" || friends.apart(userId, viewer);
    if (secret || !near) return { userId, status: "offline" };
    const { lastSeenAt } = person;
    if (person.presenceInvisible || known.status === "offline") {
      return { userId, status: "offline", ...(lastSeenAt !== null && { lastSeenAt }) };
    }
    return known;
  }

  #known(userId: string): PersonPresence {
    const left = this.#remembered.get(userId);
    const here = [...this.#sessions(userId), ...(left ? [left] : [])];
    const last = here.find(({ away }) => !away) ?? here[0];
    if (!last) return { userId, status: "offline" };
    return { userId, status: last.away ? "away" : "online", ...(last.device && { device: last.device }) };
  }

  #sessions(userId: string): Here[] {
    return [...this.#here].filter(([session]) => session.userId === userId).map(([, here]) => here);
  }

  #watched(userId: string): Set<string> {
    const { store, friends } = this.#server;
    const together = [...store.conversations.values()].filter(({ people }) => people.includes(userId));
    return new Set([
      ...[userId, ...together.flatMap(({ people }) => people), ...(this.#followed.get(userId) ?? [])],
      ...friends.of(userId).flatMap(({ user, status }) => (status === "friends" ? [user.id] : [])),
    ]);
  }

  #state(session: FakeSession, ids: Iterable<string>): void {
    const presences = [...ids].map((id) => this.of(id, session.userId as string));
    const told = this.#told.get(session);
    for (const presence of presences) told?.set(presence.userId, JSON.stringify(presence));
    for (let at = 0; at === 0 || at < presences.length; at += perFrame) {
      session.send({ type: "presence:state", presences: presences.slice(at, at + perFrame) });
    }
  }
}
