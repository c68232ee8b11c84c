import type { Me, ParleyClient, Store } from "@parley-chat/sdk";
import { createContext, useContext, useSyncExternalStore } from "react";

export const ClientContext = createContext<ParleyClient | null>(null);

export function useClient(): ParleyClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("useClient outside of ClientContext");
  return client;
}

/** The present value of one of the SDK's stores, and a render when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}

/** Who is signed in. Only below the sign-in gate. */
export function useMe(): Me {
  const { user } = useStore(useClient().session);
  if (user === null) throw new Error("useMe without a signed-in person");
  return user;
}
