import { asParleyError, errorOf, isSignedOut, ParleyError } from "./errors.js";

/** Where {@link Rest} gets its access tokens. */
export interface Tokens {
  /** A token that is good for a while yet. */
  fresh(): Promise<string>;
  /** A newer token than `stale`, which the server refused. */
  renew(stale: string): Promise<string>;
  /** The server refuses the newest token as well. */
  end(error: ParleyError): void;
}

export interface Call {
  body?: unknown;
  query?: Record<string, string | number | undefined>;
  signal?: AbortSignal | undefined;
}

const timeout = 15_000;

/** A date would be by another clock: then backoff has to do. */
function retryAfter(headers: Headers): number | undefined {
  return Math.max(0, Number(headers.get("Retry-After")) * 1000) || undefined;
}

/** The REST side of the server. Everything rejects with a ParleyError. */
export class Rest {
  readonly #base: string;
  readonly #fetch: typeof fetch;
  readonly #slot: string | undefined;
  tokens: Tokens | null = null;

  constructor(base: string, fetcher: typeof fetch, slot?: string) {
    this.#base = base;
    this.#fetch = fetcher;
    this.#slot = slot;
  }

  /** A call without a token: signing in and out, by credentials or cookie. */
  async anonymous<T>(method: string, path: string, call: Call = {}): Promise<T> {
    return this.#once<T>(method, path, call, null);
  }

  /** A call as the signed-in person. A refused token is renewed once. */
  async call<T>(method: string, path: string, call: Call = {}): Promise<T> {
    const { tokens } = this;
    if (!tokens) throw new ParleyError("UNAUTHORIZED");
    const token = await tokens.fresh();
    try {
      return await this.#once<T>(method, path, call, token);
    } catch (thrown) {
      if (!isSignedOut(asParleyError(thrown))) throw thrown;
    }
    const renewed = await tokens.renew(token);
    try {
      return await this.#once<T>(method, path, call, renewed);
    } catch (thrown) {
      const error = asParleyError(thrown);
      if (isSignedOut(error)) tokens.end(error);
      throw error;
    }
  }

  async #once<T>(method: string, path: string, call: Call, token: string | null): Promise<T> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) query.set(name, String(value));
    }
    const headers: Record<string, string> = {};
    if (this.#slot) headers["Parley-Slot"] = this.#slot;
    if (token !== null) headers.Authorization = `Bearer ${token}`;
    if (call.body !== undefined) headers["Content-Type"] = "application/json";
    const cancel = new AbortController();
    const abort = () => cancel.abort();
    const timer = setTimeout(abort, timeout);
    call.signal?.addEventListener("abort", abort);
    if (call.signal?.aborted) abort();
    try {
      const search = query.size > 0 ? `?${query}` : "";
      const response = await this.#fetch(`${this.#base}/api${path}${search}`, {
        method,
        headers,
        credentials: "include",
        signal: cancel.signal,
        body: JSON.stringify(call.body),
      });
      const raw = await response.text();
      let body: unknown;
      try {
        body = raw === "" ? undefined : JSON.parse(raw);
      } catch (notJSON) {
        // A proxy's page, not the server's answer.
        if (response.ok) throw notJSON;
      }
      if (!response.ok) throw errorOf(body, response.status, retryAfter(response.headers));
      return body as T;
    } catch (thrown) {
      throw asParleyError(thrown);
    } finally {
      clearTimeout(timer);
      call.signal?.removeEventListener("abort", abort);
    }
  }
}
