import { type ComponentType, lazy } from "react";

const loads: (() => Promise<unknown>)[] = [];

/** A component that is no part of the first load. It comes when it is asked for, or before, when nothing else is done. */
export function onDemand<P>(load: () => Promise<ComponentType<P>>) {
  loads.push(load);
  return lazy(async () => ({ default: await load() }));
}

/** Loads what may be asked for, so that it is there at once, and also while the server is away. */
export async function loadAhead(): Promise<void> {
  for (const load of loads) await load().catch(() => {});
}
