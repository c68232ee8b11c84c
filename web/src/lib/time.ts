// Times as people say them: "14:02", "Mon", "3 Mar". All in the reader's time zone.
import { strings } from "./strings.ts";

const clockFormat = new Intl.DateTimeFormat(strings.locale, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(strings.locale, { weekday: "short" });
const dayMonth = new Intl.DateTimeFormat(strings.locale, { day: "numeric", month: "short" });
const dayMonthYear = new Intl.DateTimeFormat(strings.locale, { day: "numeric", month: "short", year: "numeric" });
const longDay = new Intl.DateTimeFormat(strings.locale, { weekday: "long", day: "numeric", month: "long" });
const longDayYear = new Intl.DateTimeFormat(strings.locale, { day: "numeric", month: "long", year: "numeric" });
const full = new Intl.DateTimeFormat(strings.locale, { dateStyle: "full", timeStyle: "short" });

/** Midnight of the day, as a number of days that only serves to be compared. */
export function dayNumber(moment: Date): number {
  return Math.round(new Date(moment.getFullYear(), moment.getMonth(), moment.getDate(), 12).getTime() / 86_400_000);
}

export function clock(iso: string): string {
  return clockFormat.format(new Date(iso));
}

export function fullTime(iso: string): string {
  return full.format(new Date(iso));
}

export function date(iso: string): string {
  return longDayYear.format(new Date(iso));
}

/** For the list: the clock today, the weekday within a week, else the date. */
export function listTime(iso: string, now: Date): string {
  const moment = new Date(iso);
  const ago = dayNumber(now) - dayNumber(moment);
  if (ago <= 0) return clockFormat.format(moment);
  if (ago < 7) return weekday.format(moment);
  return moment.getFullYear() === now.getFullYear() ? dayMonth.format(moment) : dayMonthYear.format(moment);
}

/** For day separators. */
export function dayLabel(iso: string, now: Date): string {
  const moment = new Date(iso);
  const ago = dayNumber(now) - dayNumber(moment);
  if (ago <= 0) return strings.today;
  if (ago === 1) return strings.yesterday;
  return moment.getFullYear() === now.getFullYear() ? longDay.format(moment) : longDayYear.format(moment);
}
