// Everybody whose name this page has met, by id: a message carries only its sender's id, and a sender need not
// be among a conversation's first participants, or be in it any more.
import type { Participant, User } from "@parley-chat/sdk";
import { useCallback, useSyncExternalStore } from "react";
import { strings } from "./strings.ts";

const known = new Map<string, User>();
const listeners = new Set<() => void>();

export function meet(participants: readonly Participant[]): void {
  let changed = false;
  for (const { user } of participants) {
    const before = known.get(user.id);
    if (before?.displayName === user.displayName && before.username === user.username) continue;
    known.set(user.id, user);
    changed = true;
  }
  if (changed) for (const listener of listeners) listener();
}

export function forgetEverybody(): void {
  known.clear();
}

export function personName(id: string): string {
  return known.get(id)?.displayName || strings.formerParticipant;
}

function subscribe(fn: () => void): () => void {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

export function usePersonName(id: string): string {
  return useSyncExternalStore(
    subscribe,
    useCallback(() => personName(id), [id]),
  );
}
