import type { ConversationHandle, MessageView } from "@parley-chat/sdk";
import { ChevronLeft, PanelRight } from "lucide-react";
import { Suspense, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { IconButton } from "../../components/Button.tsx";
import { Empty } from "../../components/Empty.tsx";
import { Portrait } from "../../components/Portrait.tsx";
import type { TimelineHandle } from "../../components/Timeline.tsx";
import { useMe, useStore } from "../../lib/client.tsx";
import { nameOf, peerOf } from "../../lib/conversation.ts";
import { useLasting, useSteady } from "../../lib/hooks.ts";
import { onDemand } from "../../lib/on-demand.ts";
import { meet } from "../../lib/people.ts";
import { leaveConversation } from "../../lib/route.ts";
import { strings } from "../../lib/strings.ts";
import { Announcer } from "./Announcer.tsx";
import { Composer } from "./Composer.tsx";
import { MessageList } from "./MessageList.tsx";
import type { RowActions } from "./MessageRow.tsx";
import { TypingLine } from "./TypingLine.tsx";
import { useBarrier } from "./useBarrier.ts";
import { useOpening } from "./useOpening.ts";
import { markAllRead, useReading } from "./useReading.ts";

const ConversationMenu = onDemand(() => import("./ConversationMenu.tsx").then((m) => m.ConversationMenu));
const InvisibleMark = onDemand(() => import("../presence/InvisibleStrip.tsx").then((m) => m.InvisibleMark));
const PresenceText = onDemand(() => import("../../components/PresenceText.tsx").then((m) => m.PresenceText));
const Readers = onDemand(() => import("./Readers.tsx").then((m) => m.Readers));
const Unread = onDemand(() => import("../../components/Unread.tsx").then((m) => m.Unread));
const Barred = onDemand(() => import("./Barred.tsx").then((m) => m.Barred));
const Removed = onDemand(() => import("./Removed.tsx").then((m) => m.Removed));
const DeleteMessage = onDemand(() => import("./DeleteMessage.tsx").then((m) => m.DeleteMessage));

interface ViewProps {
  handle: ConversationHandle;
  detailsOpen: boolean;
  onDetails: () => void;
}

/** One conversation: who it is with, what was said, and where one writes. */
export function ConversationView({ handle, detailsOpen, onDetails }: ViewProps) {
  const me = useMe();
  const state = useStore(handle.store);
  const { conversation, messages, loaded, hasOlder, loadingOlder, removed, error } = state;
  const timeline = useRef<TimelineHandle>(null);
  const [editing, setEditing] = useState<MessageView | null>(null);
  const [deleting, setDeleting] = useState<MessageView | null>(null);
  const [asked, setAsked] = useState<MessageView | null>(null);
  const barrier = useBarrier(state, me.id);
  const watch = useReading(handle);
  const { readUpTo, ready } = useOpening(handle, state);
  const waiting = useLasting(!ready, 150);
  const slow = useLasting(loadingOlder, 150);

  useLayoutEffect(() => {
    if (conversation !== null) meet(conversation.participants);
  }, [conversation]);

  const retry = useSteady((view: MessageView) => handle.retry(view.key));
  const discard = useSteady((view: MessageView) => handle.discard(view.key));
  const actions = useMemo<RowActions>(
    () => ({ onEdit: setEditing, onDelete: setDeleting, onRetry: retry, onDiscard: discard, onReaders: setAsked }),
    [retry, discard],
  );

  const editLast = useCallback(() => {
    const last = handle.store
      .getSnapshot()
      .messages.findLast((view) => view.mine && view.message.seq > 0 && view.message.deletedAt === null);
    if (last !== undefined) setEditing(last);
  }, [handle]);

  if (removed !== null) {
    return (
      <Suspense>
        <Removed reason={removed} />
      </Suspense>
    );
  }

  const name = conversation === null ? "" : nameOf(conversation, me.id);
  const peer = conversation && peerOf(conversation, me.id);
  const role = conversation?.participants.find((p) => p.user.id === me.id)?.role;
  return (
    <>
      <header className="flex h-14 shrink-0 items-center gap-1 border-line border-b ps-2 pe-2 md:ps-5">
        <IconButton label={strings.back} className="md:hidden" onClick={leaveConversation}>
          <ChevronLeft size={22} className="rtl:rotate-180" />
        </IconButton>
        {peer !== null && <Portrait id={peer.id} name={name} size="s" told />}
        <div className="min-w-0 flex-1 ps-2">
          <h1 className="truncate font-semibold text-head">
            <bdi>{name}</bdi>
          </h1>
          <p className="min-h-4 truncate text-ink-3 text-meta">
            <Suspense>{peer !== null && <PresenceText id={peer.id} />}</Suspense>
            {conversation?.type === "group" && strings.participants(conversation.participantCount)}
          </p>
        </div>
        <Suspense>{me.presenceInvisible && <InvisibleMark />}</Suspense>
        <Suspense fallback={<span className="size-9" />}>
          {conversation !== null && (
            <ConversationMenu unread={(conversation.unreadCount ?? 0) > 0} onMarkRead={() => markAllRead(handle)} />
          )}
        </Suspense>
        <IconButton
          label={strings.details}
          aria-expanded={detailsOpen}
          disabled={conversation === null}
          onClick={onDetails}
        >
          <PanelRight size={19} />
        </IconButton>
      </header>
      <div className="relative flex min-h-0 flex-1 flex-col">
        {slow && (
          <div
            role="progressbar"
            aria-label={strings.loadingOlder}
            className="absolute inset-x-0 top-0 z-10 h-0.5 animate-pulse-slow bg-pine"
          />
        )}
        {loaded && messages.length === 0 && conversation !== null ? (
          <div className="flex flex-1 items-center justify-center overflow-y-auto">
            <Empty title={conversation.type === "direct" ? strings.sayHello(name) : strings.emptyGroup} />
          </div>
        ) : ready || (!loaded && messages.length > 0) ? (
          <MessageList
            ref={timeline}
            handle={handle}
            messages={messages}
            hasOlder={hasOlder || !loaded}
            label={strings.messagesWith(name)}
            readUpTo={readUpTo}
            readSeq={conversation?.lastReadSeq ?? 0}
            moderates={conversation?.type === "group" && (role === "owner" || role === "admin")}
            group={conversation?.type === "group"}
            actions={actions}
            watch={watch}
          />
        ) : (
          <div className="flex min-h-0 flex-1 flex-col justify-end overflow-hidden">
            {waiting && !error && <Skeleton />}
          </div>
        )}
        {error && (
          <Suspense>
            <Unread error={error} onRetry={() => void handle.loadOlder()} />
          </Suspense>
        )}
      </div>
      <TypingLine ids={state.typing} />
      {barrier !== null && peer !== null ? (
        <Suspense>
          <Barred peer={peer} barrier={barrier} />
        </Suspense>
      ) : (
        <Composer
          key={editing?.key ?? ""}
          handle={handle}
          name={name}
          editing={editing}
          onEditLast={editLast}
          onEditEnd={() => setEditing(null)}
          onSent={() => {
            markAllRead(handle);
            timeline.current?.toEnd();
          }}
        />
      )}
      <Announcer messages={messages} loaded={loaded} />
      {asked !== null && (
        <Suspense>
          <Readers
            view={messages.find((view) => view.key === asked.key) ?? asked}
            group={conversation?.type === "group"}
            onClose={() => setAsked(null)}
          />
        </Suspense>
      )}
      {deleting !== null && (
        <Suspense>
          <DeleteMessage handle={handle} view={deleting} onClose={() => setDeleting(null)} />
        </Suspense>
      )}
    </>
  );
}

/** Rows of the shape that real ones will have. */
function Skeleton() {
  return (
    <div aria-hidden="true" className="mx-auto w-full max-w-column space-y-5 px-5 pb-4">
      {[50, 76, 38, 62, 44].map((width) => (
        <div key={width} className="flex animate-pulse-slow gap-3">
          <span className="size-9 rounded-[11px] bg-hover" />
          <span className="flex-1 space-y-2 pt-1">
            <span className="block h-3 w-28 rounded-tag bg-hover" />
            <span className="block h-3 rounded-tag bg-hover" style={{ width: `${width}%` }} />
          </span>
        </div>
      ))}
    </div>
  );
}
