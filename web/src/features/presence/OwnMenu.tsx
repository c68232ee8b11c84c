import { CircleUserRound, EyeOff } from "lucide-react";
import { useEffect } from "react";
import { Menu } from "../../components/Menu.tsx";
import { Dot } from "../../components/Portrait.tsx";
import { useClient, useMe, usePresence } from "../../lib/client.tsx";
import { useFriendsState } from "../../lib/friends.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";
import { useVisibility } from "./useVisibility.ts";

/** Oneself as others see it, with the switch that hides it, and the way to friends and blocked people. */
export function OwnMenu({ onOpen }: { onOpen: (dialog: "friends" | "blocked") => void }) {
  const client = useClient();
  const me = useMe();
  const presence = usePresence(me.id);
  const { invisible, turn } = useVisibility();
  const requests = useFriendsState()?.friends.filter(({ status }) => status === "incoming").length ?? 0;

  // It was switched elsewhere: the account is asked for what the socket said only of presence.
  const told = presence?.status === "invisible";
  const known = presence !== null && presence.status !== "offline";
  useEffect(() => {
    if (known && told !== client.session.getSnapshot().user?.presenceInvisible) client.api.me().catch(() => {});
  }, [client, known, told]);

  const away = presence?.status === "away";
  const state = invisible ? later.invisible : known ? (away ? strings.presenceAway : strings.online) : later.offline;
  return (
    <Menu
      label={later.ownMenu(state, requests)}
      icon={
        <span className="relative inline-flex">
          <CircleUserRound size={20} />
          <span className="absolute -end-1.5 -bottom-1">
            {invisible ? (
              <span
                className="flex size-4 items-center justify-center rounded-full bg-sunk text-pine"
                data-dot="invisible"
              >
                <EyeOff size={12} />
              </span>
            ) : (
              known && <Dot away={away} />
            )}
          </span>
          {requests > 0 && <span className="absolute -end-1 -top-1 size-2.5 rounded-full bg-ember" data-requests />}
        </span>
      }
      items={[
        { label: invisible ? later.beVisible : later.beInvisible, onChoose: turn },
        { label: later.friendsWith(requests), onChoose: () => onOpen("friends") },
        { label: later.blockedPeople, onChoose: () => onOpen("blocked") },
      ]}
    />
  );
}
