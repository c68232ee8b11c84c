import { asParleyError, retryIn } from "./errors.js";

/** Repeats what may succeed later. */
export class Patience {
  readonly #waiting = new Set<() => void>();

  /**
   * Calls `ask` until it resolves, as often and as late as the table of codes says. Rejects with what is not
   * asked again, and with the last error once `signal` is aborted.
   */
  async until<T>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let n = 0; ; n++) {
      try {
        return await ask();
      } catch (thrown) {
        const error = asParleyError(thrown);
        const wait = retryIn(error, n);
        if (wait === null || signal.aborted) throw error;
        await this.#pause(wait, error.retryAfterMs === undefined, signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /** Ends the waits that only backoff asked for: the network or the connection is back. */
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
