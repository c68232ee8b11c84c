import { ParleyError } from "@parley-chat/sdk";
import { Cell } from "./cell.ts";
import { strings } from "./strings.ts";

/** One sentence about something that went wrong away from where one can see it. */
export interface Notice {
  readonly id: number;
  readonly text: string;
  readonly trace: string | null;
}

export const notices = new Cell<readonly Notice[]>([]);
let last = 0;

/** Tells the person that something failed, with the trace id that whoever runs the server can look up. */
export function report(thrown: unknown): void {
  const known = thrown instanceof ParleyError;
  const notice = { id: ++last, text: known ? thrown.message : strings.fault, trace: (known && thrown.traceId) || null };
  notices.set([...notices.getSnapshot().slice(-2), notice]);
}

export function dismiss(id: number): void {
  notices.set(notices.getSnapshot().filter((n) => n.id !== id));
}
