import { backoff } from "./backoff.js";
import { asParleyError } from "./errors.js";

/** Repeats what may succeed later. */
export class Patience {
  readonly #waiting = new Set<() => void>();

  /**
   * Calls `ask` until it resolves, with backoff or as long as the server says. Rejects with what is not
   * retryable, and with the last error once `signal` is aborted.
   */
  async until<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let n = 0; ; n++) {
      try {
        return await ask();
      } catch (thrown) {
        const error = asParleyError(thrown);
        if (!error.retryable || signal.aborted) throw error;
        await this.#pause(Math.max(error.retryAfterMs ?? 0, backoff(n)), error.retryAfterMs === undefined, signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /** Ends the waits that only backoff asked for: the connection is back. */
  wake(): void {
    for (const go of [...this.#waiting]) go();
  }

  #pause(ms: number, wakes: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(timer);
        this.#waiting.delete(go);
        signal.removeEventListener("abort", go);
        resolve();
      };
      const timer = setTimeout(go, ms);
      if (wakes) this.#waiting.add(go);
      signal.addEventListener("abort", go);
    });
  }
}
