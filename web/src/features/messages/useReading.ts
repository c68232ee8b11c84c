import type { ConversationHandle, MessageView } from "@parley-chat/sdk";
import { useEffect, useRef, useState } from "react";
import { useAttention, useSteady } from "../../lib/hooks.ts";

/**
 * Marks messages as read when their bottom edge has been seen on a page that is visible and has the focus.
 * The function that it returns is told what has been seen.
 */
export function useReading(handle: ConversationHandle): (view: MessageView) => void {
  const attention = useAttention();
  const [seen, setSeen] = useState<MessageView | null>(null);
  const marked = useRef(0);

  useEffect(() => {
    if (!attention || seen === null || seen.message.seq <= marked.current) return;
    marked.current = seen.message.seq;
    const { conversation } = handle.store.getSnapshot();
    if (seen.message.seq > (conversation?.lastReadSeq ?? 0)) handle.markRead(seen.message.id);
  }, [handle, attention, seen]);

  return useSteady((view: MessageView) => {
    if (view.message.seq > 0) setSeen((before) => (before && before.message.seq >= view.message.seq ? before : view));
  });
}
