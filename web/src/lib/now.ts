// The time, for what is shown as so long ago: one timer for all of it, which sleeps while nobody looks.
import { Cell } from "./cell.ts";
import { strings } from "./strings.ts";
import { later } from "./strings-later.ts";
import { date, dayNumber } from "./time.ts";

/** How old what is shown may be, in milliseconds. */
const every = 15_000;

const cell = new Cell(new Date());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

function look(): void {
  const awake = watchers > 0 && document.visibilityState === "visible";
  clearInterval(timer);
  timer = awake ? setInterval(() => cell.set(new Date()), every) : undefined;
  if (awake) cell.set(new Date());
}

document.addEventListener("visibilitychange", look);

/** Changes every 15 s while the page is visible, and at once when it becomes so. */
export const now = {
  getSnapshot: cell.getSnapshot,
  subscribe(fn: () => void): () => void {
    const end = cell.subscribe(fn);
    if (++watchers === 1) look();
    return () => {
      end();
      if (--watchers === 0) look();
    };
  },
};

const relative = new Intl.RelativeTimeFormat(strings.locale, { numeric: "auto" });

/** How long ago something was: "just now", "2 minutes ago", "yesterday"; the date when it is more than a week. */
export function ago(iso: string, at: Date): string {
  const minutes = Math.floor((at.getTime() - Date.parse(iso)) / 60_000);
  if (minutes < 1) return later.justNow;
  if (minutes < 60) return relative.format(-minutes, "minute");
  if (minutes < 24 * 60) return relative.format(-Math.floor(minutes / 60), "hour");
  const days = dayNumber(at) - dayNumber(new Date(iso));
  return days < 7 ? relative.format(-days, "day") : date(iso);
}
