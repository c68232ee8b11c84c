import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useClient, useMe } from "../../lib/client.tsx";
import { report } from "../../lib/notices.ts";
import { later } from "../../lib/strings-later.ts";

/** What others may know of one's reading. */
export function Privacy() {
  const client = useClient();
  const me = useMe();
  const hint = useId();
  // As it was switched, until the server has answered.
  const [wanted, setWanted] = useState<boolean | null>(null);
  const change = useMutation({
    mutationFn: (readReceiptsEnabled: boolean) => client.api.updateMe({ readReceiptsEnabled }),
    onError: report,
    onSettled: () => setWanted(null),
  });
  return (
    <fieldset>
      <legend className="mb-1 font-medium text-ink-2 text-small">{later.privacy}</legend>
      <label className="flex min-h-10 items-center gap-2.5 text-name">
        <input
          type="checkbox"
          aria-describedby={hint}
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
      <p id={hint} className="text-ink-3 text-small">
        {later.readReceiptsHint}
      </p>
    </fieldset>
  );
}
