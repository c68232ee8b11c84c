import type { User } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { Avatar } from "../../components/Avatar.tsx";
import { useClient } from "../../lib/client.tsx";
import { report } from "../../lib/notices.ts";
import { openConversation } from "../../lib/route.ts";
import { useFoundPeople } from "../../lib/search.ts";
import { strings } from "../../lib/strings.ts";

/** People whom one may begin a conversation with, below the conversations that were found. */
export function FoundPeople(props: { query: string; me: string; nothingElse: boolean; onChosen: () => void }) {
  const client = useClient();
  const found = useFoundPeople(props.query);
  const start = useMutation({
    mutationFn: (user: User) => client.api.createConversation({ type: "direct", participantIds: [user.id] }),
    onSuccess: (conversation) => {
      props.onChosen();
      openConversation(conversation.id);
    },
    onError: report,
  });
  const people = (found.data ?? []).filter((user) => user.id !== props.me);
  if (people.length === 0) {
    if (!props.nothingElse || found.isFetching) return null;
    return (
      <p role="status" className="px-3 py-6 text-center text-ink-3 text-name">
        {strings.noResults(props.query)}
      </p>
    );
  }
  return (
    <>
      <h2 className="px-2.5 pt-4 pb-1 font-medium text-ink-3 text-meta">{strings.people}</h2>
      <ul>
        {people.map((user) => (
          <li key={user.id}>
            <button
              type="button"
              data-row
              onClick={() => start.mutate(user)}
              className="flex min-h-14 w-full items-center gap-3 rounded-box px-2.5 text-start outline-offset-[-2px] hover:bg-hover"
            >
              <Avatar id={user.id} name={user.displayName} />
              <span className="min-w-0">
                <span className="sr-only">{strings.chatWith} </span>
                <bdi className="block truncate font-medium text-name">{user.displayName}</bdi>
                <bdi className="block truncate text-ink-3 text-meta">@{user.username}</bdi>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
