// Which rows a conversation shows. Whether a row has a date line, a "new" line or an author's name depends on
// the message before it and on nothing else; the oldest message that was loaded is held back until it is known
// what stands before it. So no row changes its height when older history comes in above.
import type { MessageView } from "@parley-chat/sdk";
import { dayNumber } from "../../lib/time.ts";

export type Row =
  | { readonly kind: "beginning"; readonly key: "beginning" }
  | {
      readonly kind: "message";
      readonly key: string;
      readonly view: MessageView;
      /** The first message of its day. */
      readonly newDay: boolean;
      /** The first message past the place that had been read when the conversation was opened. */
      readonly fresh: boolean;
      /** Whether it begins a group and carries its author's name. */
      readonly first: boolean;
    };

/** How long an author may pause within one group. */
const pause = 5 * 60_000;

const beginning: Row = { kind: "beginning", key: "beginning" };

/**
 * The rows of `messages`, oldest first. Rows of `before` that did not change are the same objects.
 *
 * @param readUpTo the `seq` that had been read when the conversation was opened; null for no "new" line
 */
export function rowsOf(
  messages: readonly MessageView[],
  hasOlder: boolean,
  readUpTo: number | null,
  before: ReadonlyMap<string, Row> = new Map(),
): Row[] {
  const rows: Row[] = hasOlder ? [] : [beginning];
  for (let at = hasOlder ? 1 : 0; at < messages.length; at++) {
    const row = rowOf(messages[at] as MessageView, messages[at - 1], readUpTo);
    const known = before.get(row.key);
    rows.push(known !== undefined && same(known, row) ? known : row);
  }
  return rows;
}

function rowOf(view: MessageView, above: MessageView | undefined, readUpTo: number | null): Row {
  const newDay = above === undefined || dayOf(above) !== dayOf(view);
  const fresh = readUpTo !== null && !view.mine && view.message.seq > readUpTo && wasRead(above, readUpTo);
  return { kind: "message", key: view.key, view, newDay, fresh, first: newDay || fresh || begins(view, above) };
}

function wasRead(above: MessageView | undefined, readUpTo: number): boolean {
  return above === undefined || (above.message.seq > 0 && above.message.seq <= readUpTo);
}

function begins(view: MessageView, above: MessageView | undefined): boolean {
  if (above === undefined || above.message.senderId !== view.message.senderId) return true;
  return Date.parse(view.message.createdAt) - Date.parse(above.message.createdAt) > pause;
}

function dayOf(view: MessageView): number {
  return dayNumber(new Date(view.message.createdAt));
}

function same(a: Row, b: Row): boolean {
  if (a.kind !== "message" || b.kind !== "message") return a.kind === b.kind;
  return a.view === b.view && a.newDay === b.newDay && a.fresh === b.fresh && a.first === b.first;
}
