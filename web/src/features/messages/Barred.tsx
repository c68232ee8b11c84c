import type { User } from "@parley-chat/sdk";
import { Button } from "../../components/Button.tsx";
import { useFriends } from "../../lib/friends.ts";
import { report } from "../../lib/notices.ts";
import { later } from "../../lib/strings-later.ts";
import type { Barrier } from "./useBarrier.ts";

/** What stands in the place of the composer where nothing can be written. */
export function Barred({ peer, barrier }: { peer: User; barrier: Barrier }) {
  const friends = useFriends();
  const own = barrier === "own";
  return (
    <div className="mx-auto w-full max-w-column px-3 pb-[max(0.75rem,env(safe-area-inset-bottom))] md:px-5 md:pb-4">
      <div
        role="status"
        className="flex min-h-12 flex-wrap items-center justify-center gap-x-3 gap-y-1 rounded-card bg-sunk px-4 py-1 text-ink-2 text-name"
      >
        <bdi>{own ? later.youBlocked(peer.displayName) : later.cannotWrite(peer.displayName)}</bdi>
        {own && (
          <Button look="quiet" onClick={() => friends?.unblock(peer.id).catch(report)}>
            {later.unblock}
          </Button>
        )}
      </div>
    </div>
  );
}
