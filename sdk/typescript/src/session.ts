import { asParleyError, isSignedOut, ParleyError } from "./errors.js";
import type { Patience } from "./patience.js";
import type { Rest, Tokens } from "./rest.js";
import type { Me } from "./shapes.js";
import { Cell } from "./store.js";
import type { SessionState } from "./views.js";

interface Grant {
  user: Me;
  accessToken: string;
  /** Seconds. */
  expiresIn: number;
}

/** A token with less left than this is renewed before it is used. */
const spare = 30_000;

/**
 * Who is signed in. The access token lives in memory only; the refresh token is a cookie that no script sees.
 * Several tabs may refresh at once: the server hands out one successor for 30 s (C5.7).
 */
export class Session implements Tokens {
  readonly store = new Cell<SessionState>({ status: "restoring", user: null, error: null });
  readonly #rest: Rest;
  readonly #patience: Patience;
  #token: { text: string; expires: number } | null = null;
  #refreshing: Promise<string> | null = null;
  /** Changes with every sign-in and sign-out, so that a late answer to an earlier login is dropped. */
  #epoch = 0;
  /** Ends a restore that waits. */
  #cancel = new AbortController();

  constructor(rest: Rest, patience: Patience) {
    this.#rest = rest;
    this.#patience = patience;
    rest.tokens = this;
  }

  /** Resolves when it is known whether somebody is signed in, or that the server fails; while it is away, it keeps asking. */
  async restore(): Promise<void> {
    const epoch = ++this.#epoch;
    this.#cancel = new AbortController();
    const ask = () =>
      this.#rest.anonymous<Grant>("POST", "/auth/refresh").catch((error) => {
        if (epoch === this.#epoch) this.store.patch({ error });
        throw error;
      });
    try {
      this.#accept(await this.#patience.until(ask, this.#cancel.signal), epoch);
    } catch (thrown) {
      const error = asParleyError(thrown);
      // Nobody was signed in: that is no failure.
      if (epoch === this.#epoch) this.#leave(isSignedOut(error) ? null : error);
    }
  }

  async enter(path: "/auth/login" | "/auth/register" | "/auth/owner", body: object): Promise<void> {
    const epoch = ++this.#epoch;
    try {
      const grant = await this.#rest.anonymous<Grant>("POST", path, { body });
      this.#accept(grant, epoch);
    } catch (thrown) {
      const error = asParleyError(thrown);
      if (epoch === this.#epoch) this.#leave(error);
      throw error;
    }
  }

  /** Signs out here at once, and on the server when it can be reached; if not, `error` says so. */
  async leave(): Promise<void> {
    const token = this.#token;
    this.#leave(null);
    const epoch = this.#epoch;
    if (!token) return;
    try {
      await this.#rest.anonymous("POST", "/auth/logout");
    } catch (thrown) {
      if (epoch === this.#epoch) this.store.patch({ error: asParleyError(thrown) });
    }
  }

  /** Takes over a profile that was changed. */
  profile(user: Me): void {
    if (this.store.getSnapshot().user?.id === user.id) this.store.patch({ user });
  }

  async fresh(): Promise<string> {
    if (!this.#token) throw new ParleyError("UNAUTHORIZED");
    return this.#token.expires - Date.now() > spare ? this.#token.text : this.#refresh();
  }

  async renew(stale: string): Promise<string> {
    if (!this.#token) throw new ParleyError("UNAUTHORIZED");
    return this.#token.text === stale ? this.#refresh() : this.fresh();
  }

  end(error: ParleyError): void {
    if (this.#token) this.#leave(error);
  }

  dispose(): void {
    this.#epoch++;
    this.#cancel.abort();
  }

  /** One refresh at a time, whoever asks. A refusal ends the login; other failures leave it. */
  #refresh(): Promise<string> {
    this.#refreshing ??= this.#ask().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #ask(): Promise<string> {
    const epoch = this.#epoch;
    const left = () => new ParleyError("UNAUTHORIZED");
    try {
      const grant = await this.#rest.anonymous<Grant>("POST", "/auth/refresh");
      if (epoch !== this.#epoch) throw left();
      if (grant.user.id !== this.store.getSnapshot().user?.id) {
        throw new ParleyError("AUTH_FAILED", "Somebody else signed in in this browser.");
      }
      this.#keep(grant);
      return grant.accessToken;
    } catch (thrown) {
      const error = asParleyError(thrown);
      if (epoch !== this.#epoch) throw left();
      if (isSignedOut(error)) this.#leave(error);
      throw error;
    }
  }

  #keep(grant: Grant): void {
    this.#token = { text: grant.accessToken, expires: Date.now() + grant.expiresIn * 1000 };
  }

  #accept(grant: Grant, epoch: number): void {
    if (epoch !== this.#epoch) return;
    this.#keep(grant);
    this.store.set({ status: "signed-in", user: grant.user, error: null });
  }

  #leave(error: ParleyError | null): void {
    this.#epoch++;
    this.#cancel.abort();
    this.#token = null;
    this.store.set({ status: "signed-out", user: null, error });
  }
}
