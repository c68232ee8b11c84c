import { ParleyError } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useId, useRef, useState } from "react";
import { useClient, useMe } from "../../lib/client.tsx";
import { report } from "../../lib/notices.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

/** What others may know of one's reading. */
export function Privacy() {
  const client = useClient();
  const me = useMe();
  const id = useId();
  const shown = useRef(false);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);
  // As it was switched, until the server has answered.
  const [wanted, setWanted] = useState<boolean | null>(null);
  const change = useMutation({
    mutationFn: (readReceiptsEnabled: boolean) => client.api.updateMe({ readReceiptsEnabled }),
    // Once the dialog is closed it can only be said elsewhere; while it is open it covers what is said there.
    onError: (thrown) => !shown.current && report(thrown),
    onSettled: () => setWanted(null),
  });
  return (
    <fieldset>
      <legend className="mb-1 font-medium text-ink-2 text-small">{later.privacy}</legend>
      <label className="flex min-h-10 items-center gap-2.5 text-name">
        <input
          type="checkbox"
          aria-describedby={`${id}-hint ${id}-failure`}
          checked={wanted ?? me.readReceiptsEnabled}
          // Not disabled meanwhile, which would take the focus away, and with it the keys.
          aria-busy={wanted !== null}
          onChange={(event) => {
            if (wanted !== null) return;
            setWanted(event.target.checked);
            change.mutate(event.target.checked);
          }}
          className="size-4.5 accent-pine"
        />
        {later.readReceipts}
      </label>
      <p id={`${id}-hint`} className="text-ink-3 text-small">
        {later.readReceiptsHint}
      </p>
      <p id={`${id}-failure`} role="alert" className="text-bad text-small">
        {change.error !== null && later.notSaved(reasonOf(change.error))}
      </p>
    </fieldset>
  );
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof ParleyError)) return strings.fault;
  return thrown.code === "NETWORK_ERROR" ? later.away : thrown.message;
}
