import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../src/index.js";

const root = new URL("../../..", import.meta.url).pathname;

/** A real server on SQLite, in a folder of its own, that can be killed and started again. */
export class ServerProcess {
  readonly #folder = mkdtempSync(join(tmpdir(), "parley-sdk-"));
  readonly #binary = join(this.#folder, "parley");
  #port = 0;
  #child: ChildProcess | null = null;

  get baseUrl(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async build(): Promise<void> {
    const built = spawnSync("go", ["build", "-o", this.#binary, "./cmd/parley"], { cwd: root, encoding: "utf8" });
    if (built.status !== 0) throw new Error(built.stderr);
    this.#port = await freePort();
  }

  /** Starts and resolves when the server is ready. */
  async start(): Promise<void> {
    const data = join(this.#folder, "data");
    const args = ["serve", "--data", data, "--host", "127.0.0.1", "--port", String(this.#port), "--rate-limits=off"];
    const child = spawn(this.#binary, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    for (;;) {
      if (child.exitCode !== null) throw new Error(`The server ended: ${said}`);
      const ready = await fetch(`${this.baseUrl}/health/ready`).catch(() => null);
      if (ready?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Ends the process as a power cut would, and resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * A port that nobody listens on, from below those that outgoing connections are given: none of them may have
 * it when the server comes back.
 */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const attempt = () => {
      const port = 20_000 + Math.floor(Math.random() * 12_000);
      const server = createServer();
      server.on("error", attempt);
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(port)));
    };
    attempt();
  });
}

/** A fetch that keeps cookies, as a browser's does. */
export function fetchWithCookies(): typeof fetch {
  const jar = new Map<string, string>();
  return async (input, init) => {
    const headers = new Headers(init?.headers);
    if (jar.size > 0) headers.set("Cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
    const response = await fetch(input, { ...init, headers });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (name && value) jar.set(name, value);
      else if (name) jar.delete(name);
    }
    return response;
  };
}

/** Resolves when a store's snapshot passes; the test's own time limit bounds it. */
export function until<T>(store: Store<T>, passes: (snapshot: T) => boolean): Promise<void> {
  return new Promise((resolve) => {
    if (passes(store.getSnapshot())) {
      resolve();
      return;
    }
    const end = store.subscribe(() => {
      if (!passes(store.getSnapshot())) return;
      end();
      resolve();
    });
  });
}
