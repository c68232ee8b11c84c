import type { PresenceSharing } from "@parley-chat/sdk";
import { useId } from "react";
import { Button } from "../../components/Button.tsx";
import { later } from "../../lib/strings-later.ts";
import { useSetting } from "./useSetting.ts";

const sharings: [PresenceSharing, string][] = [
  ["everyone", later.shareEveryone],
  ["friends", later.shareFriends],
  ["nobody", later.shareNobody],
];

/** What others may know of one's reading and of one's being here, and who may not write. */
export function Privacy({ onBlocked }: { onBlocked: () => void }) {
  return (
    <fieldset className="space-y-3">
      <legend className="mb-1 font-medium text-ink-2 text-small">{later.privacy}</legend>
      <Switch field="readReceiptsEnabled" label={later.readReceipts} hint={later.readReceiptsHint} />
      <Switch field="presenceInvisible" label={later.appearOffline} hint={later.appearOfflineHint} />
      <Switch field="presenceEnabled" label={later.presenceEnabled} hint={later.presenceEnabledHint} />
      <Sharing />
      <Button className="w-full" onClick={onBlocked}>
        {later.blockedPeople}
      </Button>
    </fieldset>
  );
}

interface SwitchProps {
  field: "readReceiptsEnabled" | "presenceEnabled" | "presenceInvisible";
  label: string;
  hint: string;
}

function Switch({ field, label, hint }: SwitchProps) {
  const id = useId();
  const { value, busy, failure, choose } = useSetting(field);
  return (
    <div>
      <label className="flex min-h-10 items-center gap-2.5 text-name">
        <input
          type="checkbox"
          aria-describedby={`${id}-hint ${id}-failure`}
          checked={value}
          // Not disabled meanwhile, which would take the focus away, and with it the keys.
          aria-busy={busy}
          onChange={(event) => choose(event.target.checked)}
          className="size-4.5 shrink-0 accent-pine"
        />
        {label}
      </label>
      <p id={`${id}-hint`} className="text-ink-3 text-small">
        {hint}
      </p>
      <p id={`${id}-failure`} role="alert" className="text-bad text-small">
        {failure}
      </p>
    </div>
  );
}

function Sharing() {
  const id = useId();
  const { value, busy, failure, choose } = useSetting("presenceSharing");
  return (
    <fieldset aria-describedby={`${id}-failure`} aria-busy={busy}>
      <legend className="text-name">{later.presenceSharing}</legend>
      <div className="flex flex-col sm:flex-row sm:gap-x-5">
        {sharings.map(([sharing, label]) => (
          <label key={sharing} className="flex min-h-10 items-center gap-2 text-name">
            <input
              type="radio"
              name="presence-sharing"
              checked={value === sharing}
              onChange={() => choose(sharing)}
              className="size-4.5 accent-pine"
            />
            {label}
          </label>
        ))}
      </div>
      <p id={`${id}-failure`} role="alert" className="text-bad text-small">
        {failure}
      </p>
    </fieldset>
  );
}
