import type { Conversation, Participant, Role } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { Ellipsis, LogOut, Pencil, Trash2, UserPlus, X } from "lucide-react";
import { useEffect, useState } from "react";
import { Avatar } from "../../components/Avatar.tsx";
import { Button, IconButton } from "../../components/Button.tsx";
import { Confirm } from "../../components/Dialog.tsx";
import { Menu, type MenuItem } from "../../components/Menu.tsx";
import { Portrait } from "../../components/Portrait.tsx";
import { PresenceText } from "../../components/PresenceText.tsx";
import { useClient, useMe } from "../../lib/client.tsx";
import { nameOf, peerOf } from "../../lib/conversation.ts";
import { report } from "../../lib/notices.ts";
import { leaveConversation } from "../../lib/route.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";
import { date } from "../../lib/time.ts";
import { type Question, usePersonDeeds } from "../friends/usePersonDeeds.ts";
import { AddPeople } from "./AddPeople.tsx";
import { Rename } from "./Rename.tsx";
import { useParticipants } from "./useParticipants.ts";

const roles: Record<Role, string> = {
  owner: later.roleOwner,
  admin: later.roleAdmin,
  member: later.roleMember,
};

/** Who is in a conversation, and what one may do about it. */
export function Details({ conversation, onClose }: { conversation: Conversation; onClose: () => void }) {
  const client = useClient();
  const me = useMe();
  const [question, setQuestion] = useState<Question | null>(null);
  const [dialog, setDialog] = useState<"add" | "rename" | null>(null);
  const deeds = usePersonDeeds(setQuestion);
  const act = useMutation({ mutationFn: (todo: () => Promise<unknown>) => todo(), onError: report });
  const { participants, hasMore, loadMore } = useParticipants(conversation, conversation.type === "group");

  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === "Escape" && document.querySelector("dialog[open], :popover-open") === null) onClose();
    };
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, [onClose]);

  const { id, type } = conversation;
  const name = nameOf(conversation, me.id);
  const peer = peerOf(conversation, me.id);
  const role = participants.find((p) => p.user.id === me.id)?.role ?? "member";
  const leads = type === "group" && role !== "member";

  function ask(title: string, text: string, action: string, todo: () => Promise<unknown>) {
    setQuestion({ title, text, action, act: todo });
  }

  function leaveBy(todo: () => Promise<unknown>): () => Promise<unknown> {
    return () => todo().then(leaveConversation);
  }

  function itemsFor(participant: Participant): MenuItem[] {
    const { user } = participant;
    if (user.id === me.id) return [];
    const items: MenuItem[] = deeds(user);
    if (!mayManage(participant)) return items;
    if (role === "owner") {
      const to: Role = participant.role === "admin" ? "member" : "admin";
      items.push({
        label: to === "admin" ? later.makeAdmin : later.makeMember,
        onChoose: () => act.mutate(() => client.api.changeRole(id, user.id, to)),
      });
      items.push({
        label: later.makeOwner,
        onChoose: () =>
          ask(later.handOverTitle(user.displayName), later.handOverText, later.makeOwner, () =>
            client.api.changeRole(id, user.id, "owner"),
          ),
      });
    }
    items.push({
      label: later.removeFromGroup,
      danger: true,
      onChoose: () =>
        ask(later.removeTitle(user.displayName), later.removeText, later.removeFromGroup, () =>
          client.api.removeParticipant(id, user.id),
        ),
    });
    return items;
  }

  function mayManage(participant: Participant): boolean {
    if (!leads || participant.user.id === me.id || participant.role === "owner") return false;
    return role === "owner" || participant.role === "member";
  }

  return (
    <>
      <header className="flex h-14 shrink-0 items-center border-line border-b ps-5 pe-2">
        <h1 className="flex-1 font-semibold text-head">
          {type === "group" ? later.groupDetails : later.personDetails}
        </h1>
        <IconButton label={later.close} onClick={onClose}>
          <X size={18} />
        </IconButton>
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto">
        <div className="flex flex-col items-center px-5 pt-7 pb-5 text-center">
          {peer === null ? (
            <Avatar id={id} name={name} size="l" />
          ) : (
            <Portrait id={peer.id} name={name} size="l" told />
          )}
          <p className="mt-3 flex max-w-full items-center gap-1 font-semibold text-title">
            <bdi className="min-w-0 [overflow-wrap:anywhere]">{name}</bdi>
            {leads && (
              <IconButton label={later.rename} className="size-8" onClick={() => setDialog("rename")}>
                <Pencil size={14} />
              </IconButton>
            )}
          </p>
          {peer !== null && (
            <>
              <p className="text-ink-3 text-name">@{peer.username}</p>
              <p className="mt-1 text-ink-2 text-name">
                <PresenceText id={peer.id} />
              </p>
              <p className="mt-2 text-ink-3 text-small">{later.memberSince(date(peer.createdAt))}</p>
            </>
          )}
        </div>
        {type === "group" && (
          <section className="px-3 pb-4">
            <h2 className="px-2 pb-1 font-medium text-ink-3 text-meta">
              {strings.participants(conversation.participantCount)}
            </h2>
            {leads && (
              <button
                type="button"
                onClick={() => setDialog("add")}
                className="flex min-h-12 w-full items-center gap-3 rounded-box px-2 font-medium text-name text-pine outline-offset-[-2px] hover:bg-hover"
              >
                <span className="inline-flex size-9 items-center justify-center rounded-[11px] bg-own">
                  <UserPlus size={17} />
                </span>
                {later.addPeople}
              </button>
            )}
            <ul>
              {participants.map((participant) => (
                <li key={participant.user.id} className="flex min-h-12 items-center gap-3 rounded-box px-2">
                  <Portrait id={participant.user.id} name={participant.user.displayName} />
                  <span className="min-w-0 flex-1">
                    <bdi className="block truncate font-medium text-name">{participant.user.displayName}</bdi>
                    <span className="block truncate text-ink-3 text-meta">
                      {participant.role === "member" ? `@${participant.user.username}` : roles[participant.role]}
                      {participant.user.id === me.id && ` · ${strings.you}`}
                    </span>
                  </span>
                  <PersonMenu name={participant.user.displayName} items={itemsFor(participant)} />
                </li>
              ))}
            </ul>
            {hasMore && (
              <Button look="quiet" className="w-full" onClick={() => void loadMore()}>
                {strings.loadMore}
              </Button>
            )}
          </section>
        )}
        <section className="flex flex-col gap-2 border-line border-t p-5">
          {type === "group" && (
            <Button
              onClick={() =>
                ask(
                  later.leaveTitle,
                  later.leaveText,
                  later.leave,
                  leaveBy(() => client.api.removeParticipant(id, "me")),
                )
              }
            >
              <LogOut size={16} />
              {later.leave}
            </Button>
          )}
          {type === "group" && role === "owner" && (
            <Button
              look="danger"
              onClick={() =>
                ask(
                  later.endTitle,
                  later.endText,
                  later.end,
                  leaveBy(() => client.api.deleteConversation(id)),
                )
              }
            >
              <Trash2 size={16} />
              {later.end}
            </Button>
          )}
          {peer !== null &&
            deeds(peer).map(({ label, danger, onChoose }) => (
              <Button key={label} look={danger ? "danger" : "plain"} onClick={onChoose}>
                {label}
              </Button>
            ))}
          {type === "direct" && (
            <Button
              onClick={() =>
                ask(
                  later.hideTitle,
                  later.hideText,
                  later.hide,
                  leaveBy(() => client.api.deleteConversation(id)),
                )
              }
            >
              {later.hide}
            </Button>
          )}
        </section>
      </div>
      {question !== null && (
        <Confirm {...question} onConfirm={() => act.mutate(question.act)} onClose={() => setQuestion(null)} />
      )}
      {dialog === "add" && (
        <AddPeople conversation={conversation} participants={participants} onClose={() => setDialog(null)} />
      )}
      {dialog === "rename" && <Rename conversation={conversation} onClose={() => setDialog(null)} />}
    </>
  );
}

function PersonMenu({ name, items }: { name: string; items: readonly MenuItem[] }) {
  if (items.length === 0) return null;
  return <Menu label={later.optionsFor(name)} icon={<Ellipsis size={17} />} items={items} />;
}
