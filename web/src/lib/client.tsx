import type { Me, ParleyClient, PersonPresence, Store } from "@parley-chat/sdk";
import type { Presence } from "@parley-chat/sdk/presence";
import { createContext, useContext, useSyncExternalStore } from "react";

export const ClientContext = createContext<ParleyClient | null>(null);
export const PresenceContext = createContext<Presence | null>(null);

export function useClient(): ParleyClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error("useClient outside of ClientContext");
  return client;
}

/** The present value of one of the SDK's stores, and a render when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.subscribe, store.getSnapshot);
}

/** What is known of somebody's presence; null while nothing is. */
export function usePresence(userId: string): PersonPresence | null {
  const presence = useContext(PresenceContext);
  if (presence === null) throw new Error("usePresence outside of PresenceContext");
  return useStore(presence.of(userId));
}

/** Who is signed in. Only below the sign-in gate. */
export function useMe(): Me {
  const { user } = useStore(useClient().session);
  if (user === null) throw new Error("useMe without a signed-in person");
  return user;
}
