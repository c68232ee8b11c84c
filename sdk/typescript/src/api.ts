import type { Conversation, Me, Participant, ProfileEdit, Reader, Role, User } from "./shapes.js";

export interface ParticipantPage {
  readonly participants: readonly Participant[];
  readonly nextCursor: string | null;
  readonly hasMore: boolean;
}

export interface ReaderPage {
  /** In the order of their reading. */
  readonly receipts: readonly Reader[];
  /** How many they are, on all pages together. */
  readonly readCount: number;
  readonly nextCursor: string | null;
  readonly hasMore: boolean;
}

export interface NewConversation {
  type: "direct" | "group";
  participantIds: readonly string[];
  title?: string;
}

/** The REST calls that are no part of a store. Each rejects with a {@link ParleyError}. */
export interface Api {
  /** People whose username or display name starts with `q` (2 characters or more), at most 20. */
  searchUsers(q: string, signal?: AbortSignal): Promise<readonly User[]>;
  /** A direct conversation that exists is returned as it is. */
  createConversation(conversation: NewConversation): Promise<Conversation>;
  /** An empty title removes it. */
  renameConversation(conversationId: string, title: string): Promise<Conversation>;
  participants(conversationId: string, cursor?: string): Promise<ParticipantPage>;
  addParticipants(conversationId: string, participantIds: readonly string[]): Promise<Conversation>;
  /** `userId` may be `me`: leaving. */
  removeParticipant(conversationId: string, userId: string): Promise<void>;
  changeRole(conversationId: string, userId: string, role: Role): Promise<Conversation>;
  /** Ends a group (its owner), leaves it (a member), hides a direct one until its next message. */
  deleteConversation(conversationId: string): Promise<void>;
  /** Who has read a message and when, of those who let others know; its sender is not among them. */
  readers(conversationId: string, messageId: string, cursor?: string): Promise<ReaderPage>;
  /** The account as the server has it, which may have been changed elsewhere; the session's `user` becomes it. */
  me(): Promise<Me>;
  updateMe(edit: ProfileEdit): Promise<Me>;
  /** Erases the account. Messages stay as those of a deleted user, or become tombstones `withMessages`. */
  deleteMe(withMessages?: boolean): Promise<void>;
}
