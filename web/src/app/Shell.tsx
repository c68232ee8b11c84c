import { Suspense, useCallback, useEffect, useLayoutEffect, useState } from "react";
import { Empty } from "../components/Empty.tsx";
import { Notices } from "../components/Notices.tsx";
import { ConnectionStrip } from "../features/connection/ConnectionStrip.tsx";
import { ConversationList, type DialogName } from "../features/conversations/ConversationList.tsx";
import { useClient, useStore } from "../lib/client.tsx";
import { loadFriends } from "../lib/friends.ts";
import { loadAhead, onDemand } from "../lib/on-demand.ts";
import { meet } from "../lib/people.ts";
import { route } from "../lib/route.ts";
import { strings } from "../lib/strings.ts";
import { ConversationPane } from "./ConversationPane.tsx";

// What is not on the first screen is loaded when it is asked for.
const Announcements = onDemand(() =>
  import("../features/announcements/Announcements.tsx").then((m) => m.Announcements),
);
const NewConversation = onDemand(() =>
  import("../features/conversations/NewConversation.tsx").then((m) => m.NewConversation),
);
const Friends = onDemand(() => import("../features/friends/Friends.tsx").then((m) => m.Friends));
const Blocked = onDemand(() => import("../features/friends/Blocked.tsx").then((m) => m.Blocked));
const Settings = onDemand(() => import("../features/settings/Settings.tsx").then((m) => m.Settings));

/** The list, the conversation, its details: side by side where there is room, else one at a time. */
export function Shell() {
  const client = useClient();
  const { conversation } = useStore(route);
  const { items, loaded, totalUnread } = useStore(client.conversations);
  const announcements = useStore(client.announcements);
  const [dialog, setDialog] = useState<DialogName | null>(null);
  const close = useCallback(() => setDialog(null), []);

  useLayoutEffect(() => {
    for (const item of items) meet(item.participants);
  }, [items]);

  useEffect(() => {
    if (!loaded) return;
    // Safari has no idle callback.
    const whenIdle = window.requestIdleCallback ?? setTimeout;
    whenIdle(() => void loadFriends(client).then(loadAhead));
  }, [client, loaded]);

  useEffect(() => {
    document.title = totalUnread > 0 ? `(${totalUnread}) ${strings.app}` : strings.app;
    return () => {
      document.title = strings.app;
    };
  }, [totalUnread]);

  return (
    <div className="flex h-dvh flex-col ps-[env(safe-area-inset-left)] pe-[env(safe-area-inset-right)]">
      <ConnectionStrip />
      <div role="status" className="max-h-2/5 shrink-0 overflow-y-auto">
        <Suspense>{announcements.length > 0 && <Announcements texts={announcements} />}</Suspense>
      </div>
      <main className="flex min-h-0 flex-1">
        <div
          className={`w-full shrink-0 border-line border-e bg-sunk md:block md:w-76 ${conversation === null ? "" : "hidden"}`}
        >
          <ConversationList onOpen={setDialog} />
        </div>
        {conversation === null ? (
          <div className="hidden flex-1 items-center justify-center md:flex">
            <Empty title={strings.chooseConversation} text={strings.chooseConversationText} />
          </div>
        ) : (
          <ConversationPane key={conversation} id={conversation} />
        )}
      </main>
      <Notices />
      <Suspense>
        {dialog === "new" && <NewConversation onClose={close} />}
        {dialog === "settings" && <Settings onClose={close} onBlocked={() => setDialog("blocked")} />}
        {dialog === "friends" && <Friends onClose={close} />}
        {dialog === "blocked" && <Blocked onClose={close} />}
      </Suspense>
    </div>
  );
}
