import type { ConversationViewState, ParleyError } from "@parley-chat/sdk";
import { peerOf } from "../../lib/conversation.ts";
import { useFriendsState } from "../../lib/friends.ts";

/** What keeps somebody from writing to another: a block of their own, or the server's word alone. */
export type Barrier = "own" | "told";

/** By conversation: its `rev` when the server said that nothing can be written. Whatever lifts that takes another. */
const barredAt = new Map<string, number>();
const heard = new WeakSet<ParleyError>();

/** Null while a direct conversation can be written in, as far as is known; and in groups, which know no blocks. */
export function useBarrier({ conversation, messages }: ConversationViewState, me: string): Barrier | null {
  const blocks = useFriendsState()?.blocks;
  if (conversation?.type !== "direct") return null;
  const { id, lastRev } = conversation;
  const refused = messages.findLast(({ error }) => error?.code === "FORBIDDEN")?.error;
  if (refused && !heard.has(refused)) {
    heard.add(refused);
    barredAt.set(id, lastRev);
  }
  const peer = peerOf(conversation, me);
  if (blocks?.some(({ user }) => user.id === peer?.id)) return "own";
  return barredAt.get(id) === lastRev ? "told" : null;
}
