// The shapes of the wire (C9), as the server's internal/protocol writes them. Absent means unknown, null means none.

export interface User {
  readonly id: string;
  readonly username: string;
  readonly displayName: string;
  readonly createdAt: string;
}

export type PresenceSharing = "everyone" | "friends" | "nobody";

export interface Me extends User {
  readonly email: string | null;
  readonly readReceiptsEnabled: boolean;
  readonly presenceEnabled: boolean;
  readonly presenceSharing: PresenceSharing;
  /** Whether this person looks offline to all others. */
  readonly presenceInvisible: boolean;
}

/** What `PATCH /api/users/me` takes; what is absent stays. */
export interface ProfileEdit {
  displayName?: string;
  email?: string | null;
  readReceiptsEnabled?: boolean;
  presenceEnabled?: boolean;
  presenceSharing?: PresenceSharing;
  presenceInvisible?: boolean;
}

/** `offline` also where nothing may be known; `invisible` is told of oneself alone. */
export type PresenceStatus = "online" | "away" | "offline" | "invisible";

export type DeviceType = "mobile" | "desktop";

/** What this person may know of another's presence. */
export interface PersonPresence {
  readonly userId: string;
  readonly status: PresenceStatus;
  /** Of somebody who is offline, where it may be known. */
  readonly lastSeenAt?: string;
  /** The one that was active last, of somebody who is not offline. */
  readonly device?: DeviceType;
}

/** How one stands to another: `outgoing` was asked by oneself, `incoming` waits for one's own answer. */
export type FriendStatus = "none" | "outgoing" | "incoming" | "friends";

/** Somebody on the list of friends and requests. */
export interface Friend {
  readonly user: User;
  readonly status: Exclude<FriendStatus, "none">;
  /** When it was asked for, or accepted. */
  readonly since: string;
}

/** Somebody whom this person has blocked. */
export interface Block {
  readonly user: User;
  readonly since: string;
}

export type Role = "owner" | "admin" | "member";

export interface Participant {
  readonly user: User;
  readonly role: Role;
  readonly joinedAt: string;
}

/** A stored message; a tombstone has `deletedAt` and empty content. */
export interface Message {
  readonly id: string;
  readonly conversationId: string;
  readonly senderId: string;
  /** The message's place in its conversation: 1, 2, 3 … without gaps. 0 while it waits in the outbox. */
  readonly seq: number;
  /** The conversation's revision at the message's last change. 0 while it waits in the outbox. */
  readonly rev: number;
  readonly content: string;
  readonly contentType: "text";
  readonly clientMessageId: string;
  /** RFC 3339, UTC, microseconds. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly editedAt: string | null;
  readonly deletedAt: string | null;
}

/** A conversation as everyone in it sees it, with what belongs to one viewer absent where unknown. */
export interface Conversation {
  readonly id: string;
  readonly type: "direct" | "group";
  readonly title: string | null;
  readonly ownerId: string | null;
  /** The first 20 in order of joining. */
  readonly participants: readonly Participant[];
  readonly participantCount: number;
  /** Of a conversation that is not open only the beginning may be known, and then no `id`. */
  readonly lastMessage: Message | null;
  readonly lastSeq: number;
  readonly lastRev: number;
  readonly unreadCount?: number;
  readonly mentionCount?: number;
  readonly lastReadMessageId?: string | null;
  readonly lastReadSeq?: number;
  readonly createdAt: string;
  /** Time of the last message or change: the list's order. */
  readonly updatedAt: string;
}

/** Where a person has read to: `receipt:synced` and `POST …/read`. */
export interface ReadState {
  readonly conversationId: string;
  readonly unreadCount: number;
  readonly lastReadMessageId: string | null;
  readonly lastReadSeq?: number;
  readonly lastReadAt: string | null;
}

/** Somebody who has read a message, and when. */
export interface Reader {
  readonly user: User;
  readonly readAt: string;
}

export type LeaveReason = "left" | "removed" | "ended";
