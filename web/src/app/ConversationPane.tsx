import { Suspense, useCallback, useEffect, useState } from "react";
import { ConversationView } from "../features/messages/ConversationView.tsx";
import { useClient, useStore } from "../lib/client.tsx";
import { onDemand } from "../lib/on-demand.ts";
import { strings } from "../lib/strings.ts";

const Details = onDemand(() => import("../features/participants/Details.tsx").then((m) => m.Details));

/** An open conversation, with its details beside it when they are wanted. */
export function ConversationPane({ id }: { id: string }) {
  const handle = useClient().conversation(id);
  const { conversation, removed } = useStore(handle.store);
  const [details, setDetails] = useState(false);
  const close = useCallback(() => setDetails(false), []);
  const shown = details && conversation !== null && removed === null;

  useEffect(() => {
    handle.open();
    return () => handle.close();
  }, [handle]);

  return (
    <>
      <section
        aria-label={strings.conversation}
        className={`min-w-0 flex-1 flex-col bg-paper ${shown ? "hidden lg:flex" : "flex"}`}
      >
        <ConversationView handle={handle} detailsOpen={shown} onDetails={() => setDetails(!details)} />
      </section>
      {shown && (
        <section
          aria-label={strings.details}
          className="flex w-full flex-1 flex-col border-line bg-paper lg:w-80 lg:flex-none lg:border-s"
        >
          <Suspense>
            <Details conversation={conversation} onClose={close} />
          </Suspense>
        </section>
      )}
    </>
  );
}
