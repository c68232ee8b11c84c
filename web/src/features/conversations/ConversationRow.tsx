import type { Conversation } from "@parley-chat/sdk";
import { Users } from "lucide-react";
import { memo } from "react";
import { Avatar } from "../../components/Avatar.tsx";
import { Portrait } from "../../components/Portrait.tsx";
import { nameOf, peerOf } from "../../lib/conversation.ts";
import { useDraft } from "../../lib/drafts.ts";
import { usePersonName } from "../../lib/people.ts";
import { strings } from "../../lib/strings.ts";
import { fullTime, listTime } from "../../lib/time.ts";

interface RowProps {
  conversation: Conversation;
  me: string;
  today: Date;
  current: boolean;
}

export const ConversationRow = memo(function ConversationRow({ conversation, me, today, current }: RowProps) {
  const name = nameOf(conversation, me);
  const unread = conversation.unreadCount ?? 0;
  const moment = conversation.lastMessage?.createdAt ?? conversation.updatedAt;
  return (
    <a
      href={`#/c/${conversation.id}`}
      data-row
      aria-current={current ? "page" : undefined}
      className={`flex min-h-16 items-center gap-3 rounded-box px-2.5 py-2 outline-offset-[-2px] ${current ? "bg-raised shadow-[0_0_0_1px_var(--line)]" : "hover:bg-hover"}`}
    >
      <ConversationPicture conversation={conversation} me={me} name={name} />
      <span className="min-w-0 flex-1">
        <span className="flex items-baseline gap-2">
          <bdi className={`min-w-0 flex-1 truncate text-name ${unread > 0 ? "font-semibold" : "font-medium"}`}>
            {name}
          </bdi>
          <time dateTime={moment} title={fullTime(moment)} className="tabular shrink-0 text-ink-3 text-meta">
            {listTime(moment, today)}
          </time>
        </span>
        <span className="flex items-center gap-2">
          <span className={`min-w-0 flex-1 truncate text-small ${unread > 0 ? "text-ink-2" : "text-ink-3"}`}>
            <Preview conversation={conversation} me={me} hideDraft={current} />
          </span>
          {unread > 0 && (
            <span className="tabular shrink-0 rounded-full bg-ember px-1.5 font-semibold text-[11px] text-on-ember leading-4.5">
              <span aria-hidden="true">{unread > 99 ? "99+" : unread}</span>
              <span className="sr-only">{strings.unread(unread)}</span>
            </span>
          )}
        </span>
      </span>
    </a>
  );
});

export function ConversationPicture(props: { conversation: Conversation; me: string; name: string }) {
  const peer = peerOf(props.conversation, props.me);
  if (peer !== null) return <Portrait id={peer.id} name={props.name} />;
  if (props.conversation.type === "direct" || props.conversation.title)
    return <Avatar id={props.conversation.id} name={props.name} />;
  return (
    <span
      aria-hidden="true"
      className="inline-flex size-9 shrink-0 items-center justify-center rounded-[11px] bg-hover text-ink-2"
    >
      <Users size={17} />
    </span>
  );
}

function Preview(props: { conversation: Conversation; me: string; hideDraft: boolean }) {
  const { lastMessage, type } = props.conversation;
  const draft = useDraft(props.conversation.id);
  const sender = usePersonName(lastMessage?.senderId ?? "");
  if (draft !== "" && !props.hideDraft) {
    return (
      <>
        <span className="text-ember">{strings.draft}</span> <bdi>{oneLine(draft)}</bdi>
      </>
    );
  }
  if (lastMessage === null) return strings.noMessages;
  if (lastMessage.deletedAt !== null) return <i>{strings.deletedPreview}</i>;
  const mine = lastMessage.senderId === props.me;
  return (
    <>
      {mine ? strings.youPrefix : type === "group" && <bdi>{sender.split(" ")[0]}: </bdi>}
      <bdi>{oneLine(lastMessage.content)}</bdi>
    </>
  );
}

function oneLine(text: string): string {
  return text.slice(0, 200).replace(/\s+/gu, " ");
}
