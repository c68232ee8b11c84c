import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { Avatar } from "../../components/Avatar.tsx";
import { Button } from "../../components/Button.tsx";
import { Dialog } from "../../components/Dialog.tsx";
import { useClient } from "../../lib/client.tsx";
import { loadFriends, useFriends, useFriendsState } from "../../lib/friends.ts";
import { later } from "../../lib/strings-later.ts";

/** Whom one has blocked, and what that means. */
export function Blocked({ onClose }: { onClose: () => void }) {
  const client = useClient();
  const friends = useFriends();
  const state = useFriendsState();
  const unblock = useMutation({ mutationFn: async (userId: string) => friends?.unblock(userId) });
  useEffect(() => {
    void loadFriends(client);
  }, [client]);
  const failure = unblock.error ?? state?.error ?? null;
  return (
    <Dialog title={later.blockedPeople} onClose={onClose} narrow>
      <div className="min-h-0 space-y-3 overflow-y-auto px-5 pb-5">
        <p className="text-ink-2 text-name">{later.blockedHint}</p>
        {failure !== null && (
          <p role="alert" className="text-bad text-name">
            {failure.message}
          </p>
        )}
        {state?.loaded && state.blocks.length === 0 && <p className="text-ink-3 text-name">{later.nobodyBlocked}</p>}
        <ul>
          {state?.blocks.map(({ user }) => (
            <li key={user.id} className="flex min-h-13 items-center gap-3">
              <Avatar id={user.id} name={user.displayName} />
              <span className="min-w-0 flex-1">
                <bdi className="block truncate font-medium text-name">{user.displayName}</bdi>
                <bdi className="block truncate text-ink-3 text-meta">@{user.username}</bdi>
              </span>
              <Button look="quiet" onClick={() => unblock.mutate(user.id)}>
                {later.unblock}
                <span className="sr-only"> {user.displayName}</span>
              </Button>
            </li>
          ))}
        </ul>
      </div>
    </Dialog>
  );
}
