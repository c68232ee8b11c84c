// The friends and the blocked people of whoever is signed in. They come after the first screen.
import type { ParleyClient } from "@parley-chat/sdk";
import type { Friends, FriendsState } from "@parley-chat/sdk/friends";
import { Cell } from "./cell.ts";
import { useStore } from "./client.tsx";

const friends = new Cell<Friends | null>(null);
const nobody = new Cell<FriendsState | null>(null);
let loading: Promise<void> | null = null;

/** Loads them, once for the page. Never rejects: it is tried again when it is asked for again. */
export function loadFriends(client: ParleyClient): Promise<void> {
  loading ??= import("@parley-chat/sdk/friends").then(
    (module) => friends.set(new module.Friends(client)),
    () => {
      loading = null;
    },
  );
  return loading;
}

/** Null until they are loaded. */
export function useFriends(): Friends | null {
  return useStore(friends);
}

/** What is known of them; null until they are loaded. */
export function useFriendsState(): FriendsState | null {
  return useStore<FriendsState | null>(useFriends()?.store ?? nobody);
}
