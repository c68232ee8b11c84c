import { type ParleyClient, ParleyError } from "@parley-chat/sdk";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useState } from "react";
import { Mark } from "../components/Mark.tsx";
import { SignIn } from "../features/session/SignIn.tsx";
import { ClientContext, useClient, useStore } from "../lib/client.tsx";
import { useLasting } from "../lib/hooks.ts";
import { route } from "../lib/route.ts";
import { Shell } from "./Shell.tsx";

function queryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) => failures < 3 && error instanceof ParleyError && error.retryable,
      },
      mutations: { networkMode: "always" },
    },
  });
}

export function App({ client }: { client: ParleyClient }) {
  const [queries] = useState(queryClient);
  return (
    <QueryClientProvider client={queries}>
      <ClientContext value={client}>
        <Gate />
      </ClientContext>
    </QueryClientProvider>
  );
}

function Gate() {
  const { status } = useStore(useClient().session);
  const { as } = useStore(route);
  const slow = useLasting(status === "restoring", 300);
  if (status === "signed-in") return <Shell />;
  // Whoever comes as somebody of the demo wants to sign in, not to be who was here before.
  if (status === "signed-out" || as !== null) return <SignIn />;
  return <div className="flex h-full items-center">{slow && <Mark />}</div>;
}
