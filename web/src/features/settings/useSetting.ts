import { ParleyError, type ProfileEdit } from "@parley-chat/sdk";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { useClient, useMe } from "../../lib/client.tsx";
import { report } from "../../lib/notices.ts";
import { strings } from "../../lib/strings.ts";
import { later } from "../../lib/strings-later.ts";

type Field = "readReceiptsEnabled" | "presenceEnabled" | "presenceSharing" | "presenceInvisible";

/** One of the account's settings: shown as it was chosen until the server has answered, and why it was not saved. */
export function useSetting<F extends Field>(field: F) {
  const client = useClient();
  const me = useMe();
  const shown = useRef(false);
  useEffect(() => {
    shown.current = true;
    return () => {
      shown.current = false;
    };
  }, []);
  const [wanted, setWanted] = useState<ProfileEdit[F] | null>(null);
  const change = useMutation({
    mutationFn: (value: NonNullable<ProfileEdit[F]>) => client.api.updateMe({ [field]: value }),
    // Once the dialog is closed it can only be said elsewhere; while it is open it covers what is said there.
    onError: (thrown) => !shown.current && report(thrown),
    onSettled: () => setWanted(null),
  });
  return {
    value: (wanted ?? me[field]) as NonNullable<ProfileEdit[F]>,
    busy: wanted !== null,
    failure: change.error === null ? null : later.notSaved(reasonOf(change.error)),
    choose(value: NonNullable<ProfileEdit[F]>) {
      if (wanted !== null) return;
      setWanted(value);
      change.mutate(value);
    },
  };
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof ParleyError)) return strings.fault;
  return thrown.code === "NETWORK_ERROR" ? later.away : thrown.message;
}
