// A person at a browser of their own: what they see is asked for as they would look for it.
import { chromium } from "playwright-core";
import { passwordOf, patience } from "./server.mjs";

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** One browser; each person in it has a context, and so cookies and storage, of their own. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: flags,
    timeout: patience,
  });
}

export class Person {
  /** What a page should never do: errors, refused styles and scripts, requests to other places. */
  faults = [];

  /** With `beside` somebody else: in a second tab of their browser, so with the same cookies and storage. */
  static async arrive(browser, server, username, { beside, ...options } = {}) {
    const person = new Person();
    person.server = server;
    person.username = username;
    person.name = username[0].toUpperCase() + username.slice(1);
    person.context =
      beside?.context ?? (await browser.newContext({ viewport: { width: 1100, height: 720 }, ...options }));
    person.context.setDefaultTimeout(patience);
    person.page = await person.context.newPage();
    person.#watch();
    return person;
  }

  #watch() {
    const { page } = this;
    page.on("pageerror", (error) => this.faults.push(`error: ${error.message}`));
    page.on("console", (message) => {
      // What could not be loaded is judged by its request, and a server that was killed is missed here too.
      const expected = /^Failed to load resource|^WebSocket connection/.test(message.text());
      if (message.type() === "error" && !expected) this.faults.push(`console: ${message.text()}`);
    });
    const own = (address) => {
      const { origin, protocol, host } = new URL(address);
      return (
        origin === this.server.url || ((protocol === "ws:" || protocol === "wss:") && this.server.url.endsWith(host))
      );
    };
    page.on("request", (request) => own(request.url()) || this.faults.push(`request: ${request.url()}`));
    page.on("websocket", (socket) => own(socket.url()) || this.faults.push(`socket: ${socket.url()}`));
  }

  async register() {
    await this.page.goto(this.server.url);
    await this.page.getByRole("button", { name: "New here? Create an account" }).click();
    await this.page.getByLabel("Username").fill(this.username);
    await this.page.getByLabel("Name", { exact: true }).fill(this.name);
    await this.page.getByLabel("Password", { exact: true }).fill(passwordOf(this.username));
    await this.page.getByRole("button", { name: "Create account", exact: true }).click();
    await this.page.getByRole("heading", { name: "Parley" }).waitFor();
    await this.page.getByRole("navigation", { name: "Conversations" }).waitFor();
  }

  async signIn() {
    await this.page.goto(this.server.url);
    await this.page.getByLabel("Username").fill(this.username);
    await this.page.getByLabel("Password", { exact: true }).fill(passwordOf(this.username));
    await this.page.getByRole("button", { name: "Sign in", exact: true }).click();
    await this.page.getByRole("navigation", { name: "Conversations" }).waitFor();
  }

  /** Begins a direct conversation by finding the other one in the search. */
  async startChat(other) {
    await this.page.getByRole("searchbox").fill(other.username);
    await this.page.getByRole("button", { name: `Chat with ${other.name}` }).click();
    await this.composer.waitFor();
  }

  async open(name) {
    await this.row(name).click();
    await this.composer.waitFor();
  }

  row(name) {
    return this.page.getByRole("navigation", { name: "Conversations" }).getByRole("link").filter({ hasText: name });
  }

  get composer() {
    return this.page.getByRole("textbox", { name: /^Message / });
  }

  get log() {
    return this.page.getByRole("log");
  }

  /** The message with this text. */
  message(text) {
    return this.log.locator("[data-message]").filter({ hasText: text });
  }

  async send(text) {
    await this.composer.fill(text);
    await this.composer.press("Enter");
  }

  /** Waits until an own message has this status, and so its place. */
  async reaches(text, ...statuses) {
    const marks = statuses.map((status) => `[data-status=${status}]`).join(",");
    await this.message(text).locator(marks).waitFor();
  }

  /** Waits until the log shows exactly these texts, in this order. */
  async shows(texts) {
    await this.page.waitForFunction((wanted) => {
      const there = [...document.querySelectorAll("[role=log] [data-message] .letter")].map((e) => e.textContent);
      return there.length === wanted.length && there.every((text, at) => text === wanted[at]);
    }, texts);
  }

  async leave() {
    await this.context.close();
  }
}
