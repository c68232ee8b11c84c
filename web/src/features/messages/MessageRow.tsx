import type { MessageView } from "@parley-chat/sdk";
import { memo, type ReactNode } from "react";
import { strings } from "../../lib/strings.ts";
import { dayLabel } from "../../lib/time.ts";
import type { Row } from "./grouping.ts";
import { Message } from "./Message.tsx";

export interface RowActions {
  onEdit: (view: MessageView) => void;
  onDelete: (view: MessageView) => void;
  onRetry: (view: MessageView) => void;
  onDiscard: (view: MessageView) => void;
  onReaders: (view: MessageView) => void;
}

interface RowProps {
  row: Row;
  today: Date;
  /** Whether this person may take others' messages away. */
  moderates: boolean;
  /** Whether several others may read what one writes. */
  group: boolean;
  actions: RowActions;
}

/** A message with the lines that stand above it. */
export const MessageRow = memo(function MessageRow({ row, today, moderates, group, actions }: RowProps) {
  if (row.kind === "beginning") {
    return (
      <Column>
        <p className="pt-10 pb-2 text-center text-ink-3 text-small">{strings.beginning}</p>
      </Column>
    );
  }
  return (
    <Column>
      {row.newDay && <Divider>{dayLabel(row.view.message.createdAt, today)}</Divider>}
      {row.fresh && <Divider ember>{strings.newMessages}</Divider>}
      <Message view={row.view} first={row.first} moderates={moderates} group={group} actions={actions} />
    </Column>
  );
});

function Column({ children }: { children: ReactNode }) {
  return <div className="mx-auto w-full max-w-column px-3 md:px-5">{children}</div>;
}

function Divider({ children, ember = false }: { children: ReactNode; ember?: boolean }) {
  return (
    <div className={`flex items-center gap-3 pt-5 pb-1 font-medium text-meta ${ember ? "text-ember" : "text-ink-3"}`}>
      <span className={`h-px flex-1 ${ember ? "bg-ember" : "bg-line"}`} />
      {children}
      <span className={`h-px flex-1 ${ember ? "bg-ember" : "bg-line"}`} />
    </div>
  );
}
