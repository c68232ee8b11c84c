import type { Friend, User } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import type { MenuItem } from "../../components/Menu.tsx";
import { useFriends, useFriendsState } from "../../lib/friends.ts";
import { report } from "../../lib/notices.ts";
import { later } from "../../lib/strings-later.ts";

/** Something that is asked about before it is done. */
export interface Question {
  title: string;
  text: string;
  action: string;
  act: () => Promise<unknown>;
}

/** What one may do about a person: be friends, or block them. Nothing until it is known how one stands to them. */
export function usePersonDeeds(ask: (question: Question) => void): (user: User) => MenuItem[] {
  const friends = useFriends();
  const state = useFriendsState();
  const act = useMutation({ mutationFn: (todo: () => Promise<unknown>) => todo(), onError: report });
  if (friends === null || state === null || !state.loaded) return () => [];

  const byStatus = (user: User, status: Friend["status"] | undefined): MenuItem[] => {
    const remove = (label: string) => ({ label, onChoose: () => act.mutate(() => friends.remove(user.id)) });
    switch (status) {
      case "friends":
        return [
          {
            label: later.unfriend,
            onChoose: () =>
              ask({
                title: later.unfriendTitle(user.displayName),
                text: later.unfriendText,
                action: later.unfriend,
                act: () => friends.remove(user.id),
              }),
          },
        ];
      case "outgoing":
        return [remove(later.withdraw)];
      case "incoming":
        return [
          { label: later.acceptRequest, onChoose: () => act.mutate(() => friends.accept(user.id)) },
          remove(later.declineRequest),
        ];
      case undefined:
        return [{ label: later.askFriend, onChoose: () => act.mutate(() => friends.ask(user.id)) }];
    }
  };

  return (user) => {
    const blocked = state.blocks.some((block) => block.user.id === user.id);
    if (blocked) return [{ label: later.unblock, onChoose: () => act.mutate(() => friends.unblock(user.id)) }];
    return [
      ...byStatus(user, state.friends.find((friend) => friend.user.id === user.id)?.status),
      {
        label: later.block,
        danger: true,
        onChoose: () =>
          ask({
            title: later.blockTitle(user.displayName),
            text: later.blockText,
            action: later.block,
            act: () => friends.block(user.id),
          }),
      },
    ];
  };
}
