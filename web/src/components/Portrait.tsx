import type { PersonPresence } from "@parley-chat/sdk";
import { usePresence } from "../lib/client.tsx";
import { strings } from "../lib/strings.ts";
import { Avatar } from "./Avatar.tsx";

/** Who is here has a full dot, who is away a ring, and whoever else none: the form tells it as well as the colour. */
export function Dot({ away }: { away: boolean }) {
  return (
    <svg width="12" height="12" viewBox="0 0 12 12" aria-hidden="true" data-dot={away ? "away" : "online"}>
      <circle cx="6" cy="6" r="6" fill="var(--paper)" />
      {away ? (
        <circle cx="6" cy="6" r="3" fill="none" stroke="var(--ink-3)" strokeWidth="2" />
      ) : (
        <circle cx="6" cy="6" r="4" fill="var(--pine)" />
      )}
    </svg>
  );
}

interface PortraitProps {
  id: string;
  name: string;
  size?: "s" | "m" | "l";
  /** Whether words beside it say the same. */
  told?: boolean;
}

/** A person's picture, with the dot of who is here or away. */
export function Portrait({ told = false, ...props }: PortraitProps) {
  const presence = usePresence(props.id);
  const here = presence?.status === "online" || presence?.status === "away";
  return (
    <span className="relative inline-flex shrink-0">
      <Avatar {...props} />
      {here && (
        <span className={`absolute ${props.size === "l" ? "end-0 bottom-0" : "-end-1 -bottom-1"}`}>
          <Dot away={presence.status === "away"} />
          {!told && <span className="sr-only">{hereText(presence)}</span>}
        </span>
      )}
    </span>
  );
}

/** "Online on desktop", "Away"; nothing for somebody who is not here. */
export function hereText({ status, device }: PersonPresence): string {
  if (status === "online") return device === undefined ? strings.online : strings.onlineOn[device];
  return status === "away" ? strings.presenceAway : "";
}
