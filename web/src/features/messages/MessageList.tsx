import type { ConversationHandle, MessageView } from "@parley-chat/sdk";
import { memo, type Ref, useMemo, useRef } from "react";
import { Timeline, type TimelineHandle } from "../../components/Timeline.tsx";
import { useToday } from "../../lib/hooks.ts";
import { strings } from "../../lib/strings.ts";
import { type Row, rowsOf } from "./grouping.ts";
import { MessageRow, type RowActions } from "./MessageRow.tsx";

interface ListProps {
  handle: ConversationHandle;
  messages: readonly MessageView[];
  hasOlder: boolean;
  label: string;
  readUpTo: number | null;
  /** How far one has read by now; what others wrote past it is what the button to the end counts. */
  readSeq: number;
  moderates: boolean;
  group: boolean;
  actions: RowActions;
  watch: (row: HTMLElement | null) => () => void;
  ref: Ref<TimelineHandle>;
}

/** The history. It renders when messages change, and never because somebody types. */
export const MessageList = memo(function MessageList(props: ListProps) {
  const { handle, messages, hasOlder, readUpTo } = props;
  const today = useToday();
  const known = useRef<ReadonlyMap<string, Row>>(new Map());
  const rows = useMemo(() => {
    const next = rowsOf(messages, hasOlder, readUpTo, known.current);
    known.current = new Map(next.map((row) => [row.key, row]));
    return next;
  }, [messages, hasOlder, readUpTo]);

  return (
    <Timeline
      ref={props.ref}
      items={rows}
      label={props.label}
      onNearStart={() => {
        const now = handle.store.getSnapshot();
        if (now.hasOlder && !now.loadingOlder) void handle.loadOlder();
      }}
      watch={props.watch}
      startAt={rows.find((row) => row.kind === "message" && row.fresh)?.key ?? null}
      endLabel={(below) => {
        const fresh = below.filter((row) => row.kind === "message" && isUnread(row.view, props.readSeq)).length;
        return fresh > 0 ? strings.jumpWithNew(fresh) : strings.jumpToLatest;
      }}
    >
      {(row) => (
        <MessageRow row={row} today={today} moderates={props.moderates} group={props.group} actions={props.actions} />
      )}
    </Timeline>
  );
});

function isUnread({ mine, message }: MessageView, readSeq: number): boolean {
  return !mine && message.deletedAt === null && message.seq > readSeq;
}
