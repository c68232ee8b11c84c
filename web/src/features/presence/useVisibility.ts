import { useMutation } from "@tanstack/react-query";
import { useClient, useMe } from "../../lib/client.tsx";
import { report } from "../../lib/notices.ts";

/** Whether one is invisible to all others, and the switch of it. */
export function useVisibility() {
  const client = useClient();
  const { presenceInvisible } = useMe();
  const change = useMutation({
    mutationFn: (invisible: boolean) => client.api.updateMe({ presenceInvisible: invisible }),
    onError: report,
  });
  return {
    invisible: presenceInvisible,
    turn: () => void (change.isPending || change.mutate(!presenceInvisible)),
  };
}
