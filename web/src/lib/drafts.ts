// What was written and not sent, a text for each conversation. Drafts survive a reload in this browser and go
// away with the sign-out, so that the next person at this machine does not find them.
import { useCallback, useSyncExternalStore } from "react";
import { slot } from "./slot.ts";

// Two people in two windows may be in the same conversation.
const key = slot === null ? "parley-drafts" : `parley-drafts-${slot}`;
const listeners = new Set<() => void>();
let drafts: Readonly<Record<string, string>> = read();

function read(): Record<string, string> {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? "{}");
    return typeof stored === "object" && stored !== null ? (stored as Record<string, string>) : {};
  } catch {
    return {};
  }
}

function write(next: Record<string, string>): void {
  drafts = next;
  try {
    localStorage.setItem(key, JSON.stringify(next));
  } catch {
    // A full or forbidden storage costs the drafts their reload, nothing else.
  }
  for (const listener of listeners) listener();
}

export function draftOf(conversation: string): string {
  return drafts[conversation] ?? "";
}

export function setDraft(conversation: string, text: string): void {
  if (text === draftOf(conversation)) return;
  const { [conversation]: _, ...others } = drafts;
  write(text.trim() === "" ? others : { ...others, [conversation]: text });
}

export function clearDrafts(): void {
  write({});
}

function subscribe(fn: () => void): () => void {
  listeners.add(fn);
  return () => listeners.delete(fn);
}

export function useDraft(conversation: string): string {
  return useSyncExternalStore(
    subscribe,
    useCallback(() => draftOf(conversation), [conversation]),
  );
}
