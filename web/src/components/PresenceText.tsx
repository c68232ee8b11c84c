import { usePresence, useStore } from "../lib/client.tsx";
import { ago, now } from "../lib/now.ts";
import { later } from "../lib/strings-later.ts";
import { fullTime } from "../lib/time.ts";
import { hereText } from "./Portrait.tsx";

/** "Online on desktop", "Away", "Last seen 2 minutes ago"; nothing while it is not known. */
export function PresenceText({ id }: { id: string }) {
  const presence = usePresence(id);
  if (presence === null) return null;
  if (presence.lastSeenAt !== undefined) return <LastSeen at={presence.lastSeenAt} />;
  return hereText(presence) || later.offline;
}

function LastSeen({ at }: { at: string }) {
  const moment = useStore(now);
  return (
    <time dateTime={at} title={fullTime(at)}>
      {later.lastSeen(ago(at, moment))}
    </time>
  );
}
