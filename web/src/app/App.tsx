import { type ParleyClient, ParleyError, retryIn } from "@parley-chat/sdk";
import type { Presence } from "@parley-chat/sdk/presence";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Suspense, useState } from "react";
import { Mark } from "../components/Mark.tsx";
import { ClientContext, PresenceContext, useClient, useStore } from "../lib/client.tsx";
import { useLasting } from "../lib/hooks.ts";
import { onDemand } from "../lib/on-demand.ts";
import { route } from "../lib/route.ts";
import { strings } from "../lib/strings.ts";
import { Shell } from "./Shell.tsx";

// Who is signed in already, which is nearly everybody, never needs it.
const SignIn = onDemand(() => import("../features/session/SignIn.tsx").then((m) => m.SignIn));

function wait(failures: number, error: Error): number | null {
  return error instanceof ParleyError ? retryIn(error, failures) : null;
}

function queryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < 3 && wait(failures, error) !== null,
        retryDelay: (failures, error) => wait(failures, error) ?? 0,
      },
      mutations: { networkMode: "always" },
    },
  });
}

export function App({ client, presence }: { client: ParleyClient; presence: Presence }) {
  const [queries] = useState(queryClient);
  return (
    <QueryClientProvider client={queries}>
      <ClientContext value={client}>
        <PresenceContext value={presence}>
          <Gate />
        </PresenceContext>
      </ClientContext>
    </QueryClientProvider>
  );
}

function Gate() {
  const { status, user, error } = useStore(useClient().session);
  const { as } = useStore(route);
  const slow = useLasting(status === "restoring", 300);
  const away = useLasting(status === "restoring" && error !== null, 2000);
  // Whoever comes as somebody of the demo wants to be that person, not who was here before.
  const other = as !== null && user !== null && user.username.toLowerCase() !== as.toLowerCase();
  if (status === "signed-in" && !other) return <Shell />;
  if (status !== "restoring") {
    return (
      <Suspense>
        <SignIn />
      </Suspense>
    );
  }
  return (
    <main className="flex h-full flex-col items-center justify-center gap-4">
      {slow && <Mark />}
      <p role="status" className="h-6 text-ink-3 text-name">
        {away && strings.reconnecting}
      </p>
    </main>
  );
}
