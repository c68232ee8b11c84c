// Where the page is, in the address's fragment, which never reaches a server:
//   #/c/<conversation id>   a conversation
//   #as=<name>              the demo's shortcut: be that person in this window
//   #owner=<token>          the one-time link that makes the first account
import { Cell } from "./cell.ts";

export interface Route {
  readonly conversation: string | null;
  readonly as: string | null;
  readonly owner: string | null;
}

export function parseRoute(hash: string): Route {
  const conversation = /^#\/c\/([0-9a-f-]{36})$/.exec(hash)?.[1] ?? null;
  const values = new URLSearchParams(hash.startsWith("#/") ? "" : hash.slice(1));
  return { conversation, as: values.get("as") || null, owner: values.get("owner") || null };
}

export const route = new Cell(parseRoute(location.hash));

addEventListener("hashchange", () => route.set(parseRoute(location.hash)));

export function openConversation(id: string): void {
  location.hash = `#/c/${id}`;
}

/** Back to the list, and away with names and tokens that have done their work. */
export function leaveConversation(): void {
  history.replaceState(null, "", location.pathname);
  route.set(parseRoute(""));
}
