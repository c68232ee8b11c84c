import type { Activity } from "./activity.js";
import type { ParleyClient } from "./client.js";
import { pageStorage } from "./page-storage.js";
import type { DeviceType, PersonPresence } from "./shapes.js";
import { Cell, type Store } from "./store.js";
import type { Device } from "./views.js";

export type { Device } from "./views.js";

/** The most people in one frame (C7.5). */
const perFrame = 1000;
const deviceKey = "parley-device";

/** This browser as a device: one id for all its pages, kept in the page's storage. */
export function thisDevice(storage = pageStorage()): Device {
  let deviceId: string | null = null;
  try {
    deviceId = storage?.getItem(deviceKey) ?? null;
    if (deviceId === null || !/^[!-~]{1,64}$/.test(deviceId)) {
      const bytes = crypto.getRandomValues(new Uint8Array(12));
      deviceId = [...bytes].map((byte) => byte.toString(36).padStart(2, "0")).join("");
      storage?.setItem(deviceKey, deviceId);
    }
  } catch {
    // Without a storage it is another device after each load, or one with all that have no id.
  }
  return { ...(deviceId !== null && { deviceId }), deviceType: deviceType() };
}

function deviceType(): DeviceType {
  const { navigator } = globalThis as { navigator?: Navigator & { userAgentData?: { mobile: boolean } } };
  if (navigator?.userAgentData) return navigator.userAgentData.mobile ? "mobile" : "desktop";
  const agent = navigator?.userAgent ?? "";
  // A tablet's Safari calls itself a Macintosh; none of those has a screen to touch.
  const tablet = /Macintosh/.test(agent) && (navigator?.maxTouchPoints ?? 0) > 1;
  return tablet || /Mobi|Android|iPhone|iPad/.test(agent) ? "mobile" : "desktop";
}

/**
 * Who of the others is here. What is known came over the present connection: without one nothing is known of anybody.
 * It also tells the server when the person is away from this device.
 */
export class Presence {
  readonly #client: ParleyClient;
  readonly #people = new Map<string, Cell<PersonPresence | null>>();
  /** Whom to follow (true) or not (false), until the server has answered. */
  readonly #asked = new Map<string, boolean>();
  readonly #ends: (() => void)[] = [];
  #activity: Activity | null = null;
  #ended = false;
  #status: "online" | "away" = "online";
  #online = false;
  #me: string | undefined;

  constructor(client: ParleyClient) {
    this.#client = client;
    this.#ends.push(
      client.event.subscribe(() => this.#take()),
      client.connection.subscribe(() => this.#connection()),
      client.session.subscribe(() => this.#person()),
    );
    this.#connection();
    if (globalThis.document) void this.#watch(globalThis.window);
  }

  /** What is known of a person; null while nothing is. The same store for the same id. */
  of(userId: string): Store<PersonPresence | null> {
    return this.#cell(userId);
  }

  /** There was input that this package cannot see, such as in a program without a page. */
  touch(): void {
    this.#activity?.touch();
  }

  /**
   * Makes this person invisible on all devices, or visible again. False when there is no connection: `api.updateMe` with
   * `presenceInvisible` says whether it was done.
   */
  set(status: "online" | "away" | "invisible"): boolean {
    return this.#client.send({ type: "presence:set", status });
  }

  /** Follows people who would not be told of otherwise, for good: the server keeps it. It shows what they let be known. */
  follow(userIds: readonly string[]): void {
    this.#ask(userIds, true);
  }

  unfollow(userIds: readonly string[]): void {
    this.#ask(userIds, false);
  }

  dispose(): void {
    this.#ended = true;
    for (const end of this.#ends) end();
    this.#activity?.end();
  }

  /** Nobody is away in the first minutes: what notices it comes after what is needed at once. */
  async #watch(page: EventTarget): Promise<void> {
    try {
      const { Activity } = await import("./activity.js");
      if (!this.#ended) this.#activity = new Activity((status) => this.#active(status), page);
    } catch {
      // The server takes somebody without activity for away by itself.
    }
  }

  #cell(userId: string): Cell<PersonPresence | null> {
    let cell = this.#people.get(userId);
    if (!cell) {
      cell = new Cell<PersonPresence | null>(null);
      this.#people.set(userId, cell);
    }
    return cell;
  }

  #take(): void {
    const event = this.#client.event.getSnapshot();
    if (event?.type === "presence:changed") {
      const { type: _, ...presence } = event;
      this.#show(presence);
    } else if (event?.type === "presence:state") {
      for (const presence of event.presences) {
        this.#asked.delete(presence.userId);
        this.#show(presence);
      }
    }
  }

  #show(presence: PersonPresence): void {
    const cell = this.#cell(presence.userId);
    const before = cell.getSnapshot();
    const same = (["status", "lastSeenAt", "device"] as const).every((key) => before?.[key] === presence[key]);
    if (!same) cell.set(presence);
  }

  #connection(): void {
    const online = this.#client.connection.getSnapshot().state === "online";
    if (online === this.#online) return;
    this.#online = online;
    if (!online) {
      for (const cell of this.#people.values()) cell.set(null);
      return;
    }
    if (this.#status === "away") this.#beat();
    for (const wanted of [true, false]) this.#flush(wanted);
  }

  /** What was asked for as one person is not asked for as the next. */
  #person(): void {
    const me = this.#client.session.getSnapshot().user?.id;
    if (me !== this.#me) this.#asked.clear();
    this.#me = me;
  }

  #active(status: "online" | "away"): void {
    this.#status = status;
    this.#client.activity = status;
    this.#beat();
  }

  #beat(): void {
    this.#client.send({ type: "presence:heartbeat", status: this.#status });
  }

  #ask(userIds: readonly string[], wanted: boolean): void {
    for (const id of userIds) this.#asked.set(id, wanted);
    this.#flush(wanted);
  }

  #flush(wanted: boolean): void {
    const ids = [...this.#asked].filter(([, one]) => one === wanted).map(([id]) => id);
    const type = wanted ? "presence:subscribe" : "presence:unsubscribe";
    for (let i = 0; i < ids.length; i += perFrame) this.#client.send({ type, userIds: ids.slice(i, i + perFrame) });
  }
}
