import type { Conversation } from "@parley-chat/sdk";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { useClient } from "../../lib/client.tsx";
import { meet } from "../../lib/people.ts";

/** Everybody in a conversation, a page at a time, asked again when its participants change. */
export function useParticipants(conversation: Conversation, enabled = true) {
  const client = useClient();
  const query = useInfiniteQuery({
    queryKey: ["participants", conversation.id, rosterOf(conversation)],
    queryFn: ({ pageParam }) => client.api.participants(conversation.id, pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => (page.hasMore ? (page.nextCursor ?? undefined) : undefined),
    placeholderData: keepPreviousData,
    enabled,
  });
  const participants = query.data?.pages.flatMap((page) => page.participants) ?? conversation.participants;
  const { data } = query;
  useEffect(() => {
    for (const page of data?.pages ?? []) meet(page.participants);
  }, [data]);
  return { participants, hasMore: query.hasNextPage, loadMore: query.fetchNextPage };
}

/** A text that changes when somebody comes, goes, or gets another role or name. */
function rosterOf(conversation: Conversation): string {
  const people = conversation.participants.map((p) => `${p.user.id} ${p.role} ${p.user.displayName}`);
  return `${conversation.participantCount} ${conversation.ownerId} ${people.join(",")}`;
}
