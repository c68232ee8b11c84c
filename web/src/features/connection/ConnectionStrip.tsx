import { CloudOff } from "lucide-react";
import { useClient, useStore } from "../../lib/client.tsx";
import { useLasting } from "../../lib/hooks.ts";
import { strings } from "../../lib/strings.ts";

/** Says that nothing comes or goes at the moment, once that has lasted two seconds. It pushes, it does not cover. */
export function ConnectionStrip() {
  const client = useClient();
  const { state, reason } = useStore(client.connection);
  const { waiting } = useStore(client.outbox);
  const away = useLasting(state !== "online" && state !== "idle", 2000);
  if (!away) return <div role="status" className="sr-only" />;
  const what = state === "offline" ? strings.offline : state === "closed" ? strings.disconnected : strings.reconnecting;
  return (
    <div
      role="status"
      data-connection={state}
      className="flex min-h-9 shrink-0 items-center justify-center gap-2 bg-ember-soft px-4 py-1 text-ember text-small"
    >
      <CloudOff size={15} aria-hidden="true" className="shrink-0" />
      <span className="min-w-0">
        {what}
        {state === "closed" && reason !== null && ` ${reason}`}
        {waiting > 0 && <span data-waiting={waiting}> {strings.waiting(waiting)}.</span>}
      </span>
      {state !== "connecting" && (
        <button
          type="button"
          onClick={() => client.reconnectNow()}
          className="min-h-8 shrink-0 px-1 font-semibold underline underline-offset-2"
        >
          {strings.tryNow}
        </button>
      )}
    </div>
  );
}
