import type { Api, NewConversation, ParticipantPage, ReaderPage } from "./api.js";
import type { Rest } from "./rest.js";
import type { Conversation, Me, ProfileEdit, Role, User } from "./shapes.js";

/** What a change that was asked for here means for the stores, before the server's event says it to all. */
export interface ApiEffects {
  conversation(conversation: Conversation): void;
  gone(conversationId: string): void;
  profile(me: Me): void;
  erased(): void;
}

export function restApi(rest: Rest, effects: ApiEffects): Api {
  const changed = async (answer: Promise<Conversation>): Promise<Conversation> => {
    const conversation = await answer;
    effects.conversation(conversation);
    return conversation;
  };
  // How many edits were answered: an account that was asked for before the answer may be from before the edit.
  let edits = 0;
  const participants = (id: string) => `/conversations/${id}/participants`;
  return {
    searchUsers: async (q: string, signal?: AbortSignal) =>
      (await rest.call<{ users: User[] }>("GET", "/users/search", { query: { q }, signal })).users,
    createConversation: (body: NewConversation) => changed(rest.call("POST", "/conversations", { body })),
    renameConversation: (id: string, title: string) =>
      changed(rest.call("PATCH", `/conversations/${id}`, { body: { title } })),
    participants: (id: string, cursor?: string) =>
      rest.call<ParticipantPage>("GET", participants(id), { query: { limit: 100, cursor } }),
    addParticipants: (id: string, participantIds: readonly string[]) =>
      changed(rest.call("POST", participants(id), { body: { participantIds } })),
    removeParticipant: async (id: string, userId: string) => {
      await rest.call("DELETE", `${participants(id)}/${userId}`);
      if (userId === "me") effects.gone(id);
    },
    changeRole: (id: string, userId: string, role: Role) =>
      changed(rest.call("PATCH", `${participants(id)}/${userId}`, { body: { role } })),
    deleteConversation: async (id: string) => {
      await rest.call("DELETE", `/conversations/${id}`);
      effects.gone(id);
    },
    readers: (id: string, messageId: string, cursor?: string) =>
      rest.call<ReaderPage>("GET", `/conversations/${id}/messages/${messageId}/receipts`, { query: { cursor } }),
    me: async () => {
      const before = edits;
      const me = await rest.call<Me>("GET", "/users/me");
      if (before === edits) effects.profile(me);
      return me;
    },
    updateMe: async (body: ProfileEdit) => {
      const me = await rest.call<Me>("PATCH", "/users/me", { body });
      edits++;
      effects.profile(me);
      return me;
    },
    deleteMe: async (withMessages = false) => {
      await rest.call("DELETE", "/users/me", { query: { withMessages: String(withMessages) } });
      effects.erased();
    },
  };
}
