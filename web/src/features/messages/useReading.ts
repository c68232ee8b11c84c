import type { ConversationHandle } from "@parley-chat/sdk";
import { useEffect, useMemo } from "react";
import { useAttention } from "../../lib/hooks.ts";
import { Reading } from "./reading.ts";
import { watchRows } from "./shown.ts";

/** Moves the read position by what is looked at. The function that it returns is for the `ref` of each row. */
export function useReading(handle: ConversationHandle): (row: HTMLElement | null) => () => void {
  const attention = useAttention();
  const { reading, watch } = useMemo(() => {
    const messages = () => handle.store.getSnapshot().messages;
    const reading = new Reading((seq) => {
      const view = messages().findLast(({ message }) => message.seq === seq);
      if (view !== undefined) handle.markRead(view.message.id);
    });
    const watch = watchRows((key, shown) => {
      const view = messages().findLast((view) => view.key === key);
      if (view !== undefined && !view.mine) reading.shown(view.message.seq, shown);
    });
    return { reading, watch };
  }, [handle]);

  useEffect(() => {
    reading.attend(attention);
    return () => reading.attend(false);
  }, [reading, attention]);

  return watch;
}

/** Moves the read position to the newest message: by a reply, or because the reader says so. */
export function markAllRead(handle: ConversationHandle): void {
  const newest = handle.store.getSnapshot().messages.findLast(({ message }) => message.seq > 0);
  if (newest !== undefined) handle.markRead(newest.message.id);
}
