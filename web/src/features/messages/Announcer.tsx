import type { MessageView } from "@parley-chat/sdk";
import { useEffect, useRef, useState } from "react";
import { personName } from "../../lib/people.ts";
import { strings } from "../../lib/strings.ts";

/** Reads new messages of others to those who listen. Scrolling through history is not news. */
export function Announcer({ messages, loaded }: { messages: readonly MessageView[]; loaded: boolean }) {
  const [said, setSaid] = useState("");
  const newest = useRef<number | null>(null);
  const last = messages.findLast((view) => view.message.seq > 0);

  useEffect(() => {
    if (!loaded) return;
    const known = newest.current;
    newest.current = last?.message.seq ?? 0;
    if (known === null || last === undefined || last.message.seq <= known) return;
    if (last.mine || last.message.deletedAt !== null) return;
    setSaid(strings.said(personName(last.message.senderId), last.message.content));
  }, [loaded, last]);

  return (
    <div aria-live="polite" className="sr-only">
      {said}
    </div>
  );
}
