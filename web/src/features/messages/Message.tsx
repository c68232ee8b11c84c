import type { MessageStatus, MessageView } from "@parley-chat/sdk";
import { Check, CheckCheck, CircleAlert, Clock3, Pencil, Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { Avatar } from "../../components/Avatar.tsx";
import { IconButton } from "../../components/Button.tsx";
import { Letter } from "../../components/Letter.tsx";
import { usePersonName } from "../../lib/people.ts";
import { strings } from "../../lib/strings.ts";
import { clock, fullTime } from "../../lib/time.ts";
import type { RowActions } from "./MessageRow.tsx";

interface MessageProps {
  view: MessageView;
  first: boolean;
  moderates: boolean;
  group: boolean;
  actions: RowActions;
}

/** Others' words lie on the paper; one's own have a soft tint, in the same column. */
export function Message({ view, first, moderates, group, actions }: MessageProps) {
  const { message, mine, status } = view;
  const name = usePersonName(message.senderId);
  const gone = message.deletedAt !== null;
  const stored = status === "stored" || status === "delivered" || status === "read";
  return (
    <article
      data-message={view.key}
      aria-label={strings.said(mine ? strings.you : name, gone ? strings.deleted : message.content)}
      className={`group relative flex gap-4 ${first ? "mt-3" : "mt-0.5"}`}
    >
      <div className="w-9 shrink-0">
        {first ? <Avatar id={message.senderId} name={name} /> : <Moment of={message.createdAt} hidden />}
      </div>
      <div className="min-w-0 flex-1">
        {first && (
          <div className="mb-0.5 flex h-5 items-baseline gap-2">
            <bdi className="min-w-0 truncate font-semibold text-name">{name}</bdi>
            <Moment of={message.createdAt} />
          </div>
        )}
        <div
          className={
            mine && !gone ? "-ms-2.5 flex w-fit max-w-full items-end gap-2 rounded-box bg-own py-0.5 ps-2.5 pe-2" : ""
          }
        >
          <div className="min-w-0 py-0.5">
            {gone ? <i className="text-ink-3 text-name">{strings.deleted}</i> : <Letter text={message.content} />}
            {message.editedAt !== null && !gone && (
              <span title={fullTime(message.editedAt)} className="ms-1.5 whitespace-nowrap text-ink-3 text-meta">
                {strings.edited}
              </span>
            )}
          </div>
          {mine && !gone && <Status view={view} group={group} actions={actions} />}
        </div>
        {status === "failed" && <Failed view={view} actions={actions} />}
      </div>
      {stored && !gone && (mine || moderates) && (
        <div className="pointer-coarse:static pointer-coarse:self-start pointer-coarse:border-transparent pointer-coarse:bg-transparent pointer-coarse:opacity-100 pointer-coarse:shadow-none absolute end-0 top-0 flex rounded-box border border-line bg-raised opacity-0 shadow-float transition-opacity duration-100 focus-within:opacity-100 group-hover:opacity-100">
          {mine && (
            <IconButton label={strings.edit} className="size-8" onClick={() => actions.onEdit(view)}>
              <Pencil size={14} />
            </IconButton>
          )}
          <IconButton label={strings.delete} className="size-8" onClick={() => actions.onDelete(view)}>
            <Trash2 size={14} />
          </IconButton>
        </div>
      )}
    </article>
  );
}

function Moment({ of, hidden = false }: { of: string; hidden?: boolean }) {
  return (
    <time
      dateTime={of}
      title={fullTime(of)}
      className={`tabular text-ink-3 ${hidden ? "block pt-1.5 text-end text-[11px] leading-4 opacity-0 group-hover:opacity-100" : "shrink-0 text-meta"}`}
    >
      {clock(of)}
    </time>
  );
}

const ticks: Record<MessageStatus, { label: string; picture: ReactNode }> = {
  queued: { label: strings.statusQueued, picture: <Clock3 size={13} className="text-ember" /> },
  sending: { label: strings.statusSending, picture: <Clock3 size={13} className="text-ink-3" /> },
  stored: { label: strings.statusStored, picture: <Check size={15} className="text-ink-3" /> },
  delivered: { label: strings.statusDelivered, picture: <CheckCheck size={15} className="text-ink-3" /> },
  read: { label: strings.statusRead, picture: <ReadTick /> },
  failed: { label: strings.statusFailed, picture: <CircleAlert size={14} className="text-bad" /> },
};

/** Two ticks on a filled ground: its form says so too, to those who do not tell its green from the grey of delivered. */
function ReadTick() {
  return (
    <span className="flex h-4 w-5 items-center justify-center rounded-full bg-pine text-on-pine">
      <CheckCheck size={13} strokeWidth={2.75} />
    </span>
  );
}

/** A clock, one tick, two ticks, two on a filled ground: in a place that is as wide for all of them, and opens who read it. */
const doubtful = ({ error }: MessageView) => error?.outcome === "unknown" && strings.statusDoubtful;

function Status({ view, group, actions }: { view: MessageView; group: boolean; actions: RowActions }) {
  const { status, readBy } = view;
  const { label: word, picture } = ticks[status];
  // What the server said of a message that waits, such as that its disk is nearly full.
  const label =
    status === "queued" && view.error
      ? `${word}: ${view.error.message}`
      : (status === "failed" && doubtful(view)) || word;
  const place = "flex h-6.5 min-w-5 shrink-0 items-center justify-center gap-1";
  if (status !== "read") {
    return (
      <span role="img" aria-label={label} title={label} data-status={status} className={place}>
        {picture}
      </span>
    );
  }
  const number = group && readBy !== null ? strings.readBy(readBy) : null;
  return (
    <button
      type="button"
      aria-label={number ?? label}
      title={number ?? label}
      aria-haspopup="dialog"
      data-status={status}
      onClick={() => actions.onReaders(view)}
      className={`${place} rounded-tag text-ink-3 text-meta hover:text-ink`}
    >
      {number !== null && (
        <span className="tabular whitespace-nowrap">
          <span className="max-md:hidden">{number}</span>
          {/* Where there is little room, what was said has it. */}
          <span className="md:hidden">{readBy}</span>
        </span>
      )}
      {picture}
    </button>
  );
}

function Failed({ view, actions }: { view: MessageView; actions: RowActions }) {
  return (
    <p className="flex flex-wrap items-center gap-x-3 text-small">
      <span className="text-bad">
        {view.error?.message ?? strings.statusFailed} {doubtful(view)}{" "}
        <code className="text-meta">{view.error?.traceId}</code>
      </span>
      <button
        type="button"
        className="min-h-8 font-medium text-pine hover:underline"
        onClick={() => actions.onRetry(view)}
      >
        {strings.retry}
      </button>
      <button
        type="button"
        className="min-h-8 font-medium text-ink-2 hover:underline"
        onClick={() => actions.onDiscard(view)}
      >
        {strings.discard}
      </button>
    </p>
  );
}
