import type { ConversationHandle, ConversationViewState } from "@parley-chat/sdk";
import { useEffect, useState } from "react";
import { useAttention, useLasting } from "../../lib/hooks.ts";

/** How many pages of history are read to reach the first unread message. Who missed more begins at the end. */
const mostPages = 4;
/** How long, in milliseconds, a reader waits for them. */
const patience = 2_000;

/**
 * Where reading begins: `readUpTo` is the `seq` that had been read when the conversation was opened, or last looked
 * at, and null when nothing was unread; `ready` says whether what follows it is here.
 */
export function useOpening(handle: ConversationHandle, state: ConversationViewState) {
  const { conversation, messages, loaded, hasOlder, loadingOlder } = state;
  const attention = useAttention();
  const [readUpTo, setReadUpTo] = useState<number | null>();
  const [pages, setPages] = useState(0);
  const [opened, setOpened] = useState(false);
  const unread = conversation?.unreadCount ?? 0;
  const position = conversation?.lastReadSeq ?? null;
  if (readUpTo === undefined && loaded && conversation !== null) setReadUpTo(unread > 0 ? position : null);

  const missing =
    loaded &&
    hasOlder &&
    typeof readUpTo === "number" &&
    (messages[0]?.message.seq ?? 0) > readUpTo &&
    pages < mostPages;
  const late = useLasting(missing, patience);
  if (!opened && loaded && readUpTo !== undefined && (!missing || late)) setOpened(true);

  useEffect(() => {
    if (opened || !missing || loadingOlder) return;
    setPages((before) => before + 1);
    void handle.loadOlder();
  }, [handle, opened, missing, loadingOlder]);

  // What comes while nobody looks is new when they look again.
  useEffect(() => {
    if (!attention && opened && unread === 0) setReadUpTo(position);
  }, [attention, opened, unread, position]);

  return { readUpTo: readUpTo ?? null, ready: opened };
}
