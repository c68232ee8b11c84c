// A real Parley with its own data folder on a free port. It is ended by its process id.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** How long anything may take, in milliseconds: only a fault takes longer, on however busy a machine. */
export const patience = 90_000;

const program = process.env.PARLEY_BINARY ?? fileURLToPath(new URL("../../../bin/parley", import.meta.url));

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

export class Server {
  #folder;
  #port;
  #process = null;
  #output = "";

  /** Starts a server; limits are off, since one machine plays all people. */
  static async start() {
    if (!existsSync(program)) throw new Error(`${program} is missing: make build makes it.`);
    const server = new Server();
    server.#folder = await mkdtemp(join(tmpdir(), "parley-browser-"));
    server.#port = await freePort();
    await server.run();
    return server;
  }

  get url() {
    return `http://localhost:${this.#port}`;
  }

  /** The one-time link that the first start prints. */
  get ownerLink() {
    return /http\S+#owner=\S+/.exec(this.#output)?.[0];
  }

  /** Runs the program on the same port and data as before. */
  async run() {
    const env = {
      PATH: process.env.PATH,
      HOME: this.#folder,
      PARLEY_RATE_LIMITS: "off",
      PARLEY_LOG_LEVEL: "warn",
      PARLEY_METRICS_LISTEN: "",
    };
    const args = ["serve", "--data", join(this.#folder, "data"), "--host", "127.0.0.1", "--port", String(this.#port)];
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    const before = this.#output.length;
    // What it prints first says that it listens.
    const listens = new Promise((resolve) => {
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text) => {
          this.#output += text;
          if (this.#output.includes(this.url, before)) resolve();
        });
      }
    });
    const ended = once(child, "exit").then(([code]) => {
      if (this.#process === child) throw new Error(`parley ended with ${code}:\n${this.#output}`);
    });
    const late = once(AbortSignal.timeout(patience), "abort").then(() => {
      throw new Error(`parley does not listen:\n${this.#output}`);
    });
    for (const failure of [ended, late]) failure.catch(() => {});
    await Promise.race([listens, ended, late]);
  }

  /** Ends it as a power cut does. */
  async kill(signal = "SIGKILL") {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    process.kill(child.pid, signal);
    await gone;
  }

  /** Says something to everybody who is connected, as an operator does. */
  async announce(text) {
    const args = ["announce", "--data", join(this.#folder, "data"), text];
    const child = spawn(program, args, { env: { PATH: process.env.PATH }, stdio: "ignore" });
    const [code] = await once(child, "exit");
    if (code !== 0) throw new Error(`parley announce ended with ${code}`);
  }

  async stop() {
    await this.kill("SIGTERM");
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A REST call; `token` is somebody's access token. */
  async call(method, path, { body, token } = {}) {
    const answer = await fetch(`${this.url}/api${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  /** Makes an account by REST: `{user, accessToken}`. */
  account(username, displayName = username) {
    return this.call("POST", "/auth/register", { body: { username, displayName, password: passwordOf(username) } });
  }
}

export function passwordOf(username) {
  return `${username}-password`;
}
