import type { Conversation, User } from "@parley-chat/sdk";
import { strings } from "./strings.ts";

/** The other one in a direct conversation; null in a group. */
export function peerOf(conversation: Conversation, me: string): User | null {
  if (conversation.type !== "direct") return null;
  return conversation.participants.find((p) => p.user.id !== me)?.user ?? null;
}

/** What a conversation is called on this person's screen. */
export function nameOf(conversation: Conversation, me: string): string {
  if (conversation.type === "direct") {
    return peerOf(conversation, me)?.displayName || strings.formerParticipant;
  }
  if (conversation.title) return conversation.title;
  const others = conversation.participants.filter((p) => p.user.id !== me).map((p) => p.user.displayName);
  if (others.length === 0) return strings.onlyYou;
  const shown = others.slice(0, 3).join(", ");
  const more = conversation.participantCount - 1 - Math.min(3, others.length);
  return more > 0 ? `${shown} +${more}` : shown;
}

/** The moment that a conversation stands at in the list: its last message or change. */
function activity(conversation: Conversation): string {
  const { lastMessage, updatedAt } = conversation;
  return lastMessage !== null && lastMessage.createdAt > updatedAt ? lastMessage.createdAt : updatedAt;
}

/** Newest activity first; equal moments by id, so that rows never swap places for nothing. */
export function ordered(items: readonly Conversation[]): Conversation[] {
  return [...items].sort((a, b) => {
    const left = activity(a);
    const right = activity(b);
    if (left !== right) return left < right ? 1 : -1;
    return a.id < b.id ? 1 : -1;
  });
}

/** Whether every word of the query begins a word of the name. */
export function matches(name: string, query: string): boolean {
  const words = fold(name).split(/[\s,._-]+/);
  return fold(query)
    .split(/\s+/)
    .every((part) => words.some((word) => word.startsWith(part)));
}

function fold(text: string): string {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().trim();
}
