import type { Friend, User } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { Check, Ellipsis, MessageSquare, UserPlus, X } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Button, IconButton } from "../../components/Button.tsx";
import { Confirm, Dialog } from "../../components/Dialog.tsx";
import { Field } from "../../components/Field.tsx";
import { Menu } from "../../components/Menu.tsx";
import { Portrait } from "../../components/Portrait.tsx";
import { PresenceText } from "../../components/PresenceText.tsx";
import { useClient, useMe } from "../../lib/client.tsx";
import { loadFriends, useFriends, useFriendsState } from "../../lib/friends.ts";
import { report } from "../../lib/notices.ts";
import { openConversation } from "../../lib/route.ts";
import { useFoundPeople } from "../../lib/search.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";
import { type Question, usePersonDeeds } from "./usePersonDeeds.ts";

/** Friends and who of them is here, requests both ways, and the way to find people and ask them. */
export function Friends({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const friends = useFriends();
  const state = useFriendsState();
  const [typed, setTyped] = useState("");
  const [question, setQuestion] = useState<Question | null>(null);
  const deeds = usePersonDeeds(setQuestion);
  const act = useMutation({ mutationFn: (todo: () => Promise<unknown>) => todo() });
  const chat = useMutation({
    mutationFn: (user: User) => client.api.createConversation({ type: "direct", participantIds: [user.id] }),
    onSuccess: (conversation) => {
      onClose();
      openConversation(conversation.id);
    },
  });
  useEffect(() => {
    void loadFriends(client);
  }, [client]);

  const of = (status: Friend["status"]) => state?.friends.filter((friend) => friend.status === status) ?? [];
  const failure = act.error ?? chat.error ?? state?.error ?? null;

  return (
    <Dialog title={later.friends} onClose={onClose}>
      <div className="min-h-0 space-y-4 overflow-y-auto px-3 pb-5">
        <div className="px-2">
          <Field
            label={later.findFriends}
            hint={later.findPeopleHint}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </div>
        {failure !== null && (
          <p role="alert" className="px-2 text-bad text-name">
            {failure.message}
          </p>
        )}
        <Found
          query={typed}
          known={state?.friends ?? []}
          onAsk={(user) => act.mutate(async () => friends?.ask(user.id))}
        />
        <Section title={later.requestsIn} people={of("incoming")}>
          {({ user }) => (
            <>
              <IconButton
                label={later.accept(user.displayName)}
                className="text-pine"
                onClick={() => act.mutate(async () => friends?.accept(user.id))}
              >
                <Check size={18} />
              </IconButton>
              <IconButton
                label={later.decline(user.displayName)}
                onClick={() => act.mutate(async () => friends?.remove(user.id))}
              >
                <X size={18} />
              </IconButton>
            </>
          )}
        </Section>
        <Section title={later.friends} people={of("friends")} presence>
          {({ user }) => (
            <>
              <IconButton label={`${strings.chatWith} ${user.displayName}`} onClick={() => chat.mutate(user)}>
                <MessageSquare size={17} />
              </IconButton>
              <Menu label={later.optionsFor(user.displayName)} icon={<Ellipsis size={17} />} items={deeds(user)} />
            </>
          )}
        </Section>
        <Section title={later.requestsOut} people={of("outgoing")}>
          {({ user }) => (
            <Button look="quiet" onClick={() => act.mutate(async () => friends?.remove(user.id))}>
              {later.withdrawShort}
              <span className="sr-only"> {user.displayName}</span>
            </Button>
          )}
        </Section>
        {state?.loaded && state.friends.length === 0 && <p className="px-2 text-ink-3 text-name">{later.noFriends}</p>}
        {state?.hasMore && (
          <Button look="quiet" className="w-full" onClick={() => friends?.loadMore().catch(report)}>
            {strings.loadMore}
          </Button>
        )}
      </div>
      {question !== null && (
        <Confirm {...question} onConfirm={() => act.mutate(question.act)} onClose={() => setQuestion(null)} />
      )}
    </Dialog>
  );
}

interface SectionProps {
  title: string;
  people: readonly Friend[];
  /** Whether to say who of them is here. */
  presence?: boolean;
  children: (friend: Friend) => ReactNode;
}

function Section({ title, people, presence = false, children }: SectionProps) {
  if (people.length === 0) return null;
  return (
    <section aria-label={title}>
      <h3 className="px-2 pb-1 font-medium text-ink-3 text-meta">{title}</h3>
      <ul>
        {people.map((friend) => (
          <Person key={friend.user.id} user={friend.user} presence={presence}>
            {children(friend)}
          </Person>
        ))}
      </ul>
    </section>
  );
}

function Person({ user, presence, children }: { user: User; presence: boolean; children: ReactNode }) {
  return (
    <li className="flex min-h-13 items-center gap-3 rounded-box px-2">
      <Portrait id={user.id} name={user.displayName} told={presence} />
      <span className="min-w-0 flex-1">
        <bdi className="block truncate font-medium text-name">{user.displayName}</bdi>
        <span className="block truncate text-ink-3 text-meta">
          {presence ? <PresenceText id={user.id} /> : <bdi>@{user.username}</bdi>}
        </span>
      </span>
      <span className="flex shrink-0 items-center">{children}</span>
    </li>
  );
}

/** People by name, who can be asked. */
function Found(props: { query: string; known: readonly Friend[]; onAsk: (user: User) => void }) {
  const me = useMe();
  const found = useFoundPeople(props.query);
  if ([...props.query.trim()].length < 2) return null;
  const known = new Map(props.known.map(({ user, status }) => [user.id, status]));
  const people = (found.data ?? []).filter(({ id }) => id !== me.id);
  if (people.length === 0) {
    if (found.isFetching) return null;
    return (
      <p role="status" className="px-2 text-ink-3 text-name">
        {later.nobodyFound}
      </p>
    );
  }
  return (
    <section aria-label={strings.people}>
      <ul>
        {people.map((user) => (
          <Person key={user.id} user={user} presence={false}>
            {known.has(user.id) ? (
              <span className="text-ink-3 text-small">
                {later.friendStatus[known.get(user.id) as Friend["status"]]}
              </span>
            ) : (
              <IconButton label={later.ask(user.displayName)} className="text-pine" onClick={() => props.onAsk(user)}>
                <UserPlus size={17} />
              </IconButton>
            )}
          </Person>
        ))}
      </ul>
    </section>
  );
}
