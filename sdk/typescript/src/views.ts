// What the stores of a client show. Everything here is immutable; what did not change is the same object.
import type { ParleyError } from "./errors.js";
import type { Conversation, DeviceType, Me, Message } from "./shapes.js";

export interface SessionState {
  /** `restoring` until {@link ParleyClient.restore} has found out whether somebody is signed in. */
  readonly status: "restoring" | "signed-out" | "signed-in";
  readonly user: Me | null;
  /** Why the last sign-in, restore or refresh failed, or why the login ended; null when nothing did. */
  readonly error: ParleyError | null;
}

export interface ConnectionState {
  /**
   * `idle`: nobody is signed in. `backoff`: waits until `retryAt`. `offline`: the device has no network.
   * `closed`: given up; only {@link ParleyClient.reconnectNow} or a new sign-in tries again.
   */
  readonly state: "idle" | "connecting" | "online" | "backoff" | "offline" | "closed";
  /** When the next attempt is made, in milliseconds since 1970; null unless `state` is `backoff`. */
  readonly retryAt: number | null;
  /** Why the last connection ended, for people; null when none has or all is well. */
  readonly reason: string | null;
}

/** What a client says of the device that it runs on (C7.2); `thisDevice` of the presence entry makes one. */
export interface Device {
  /** The same at every start: at most 64 printable ASCII characters. It says nothing outside of its login. */
  readonly deviceId?: string;
  readonly deviceType?: DeviceType;
}

export interface OutboxState {
  /** Messages that are not confirmed yet and will be sent by themselves; failed ones are not counted. */
  readonly waiting: number;
}

export interface ConversationListState {
  /** Newest activity first. */
  readonly items: readonly Conversation[];
  /** Whether the first page has come. */
  readonly loaded: boolean;
  /** Whether {@link ParleyClient.loadMoreConversations} would find more. */
  readonly hasMore: boolean;
  /** Unread messages of the conversations in `items`. */
  readonly totalUnread: number;
  /** Why the list could not be read; null when it could. {@link ParleyClient.loadMoreConversations} tries again. */
  readonly error: ParleyError | null;
}

/**
 * `queued`: durably in the outbox. `sending`: on its way. `stored`: committed on the server's disk.
 * `delivered`: a device of another participant has it: of the other one, or of anybody in a group. `read`: that
 * person, or anybody in a group, has read it. `failed`: refused; retry or discard it.
 */
export type MessageStatus = "queued" | "sending" | "stored" | "delivered" | "read" | "failed";

export interface MessageView {
  /** The same from the optimistic row to the stored message, so that a list never remounts it. */
  readonly key: string;
  readonly message: Message;
  readonly status: MessageStatus;
  /** Why it failed, or why it waits; null otherwise. */
  readonly error: ParleyError | null;
  /** Whether the signed-in person sent it. */
  readonly mine: boolean;
  /**
   * How many others have read an own message, of those who let others know. Null where that is not known exactly: in
   * large conversations past the newest 50 messages. {@link Api.readers} always knows. 0 for those of others.
   */
  readonly readBy: number | null;
}

/** How far another participant has received and read a small conversation. Large ones tell only numbers. */
export interface Receipt {
  readonly userId: string;
  /** The `seq` up to which a device of theirs has everything; 0 for unknown. */
  readonly deliveredSeq: number;
  /** The `seq` up to which they have read; 0 for nothing, or nothing that they let others know. */
  readonly readSeq: number;
  readonly readMessageId: string | null;
  readonly readAt: string | null;
}

export interface ConversationViewState {
  /** Null until it has come. */
  readonly conversation: Conversation | null;
  /** Oldest first; what waits in the outbox stands at the end. */
  readonly messages: readonly MessageView[];
  readonly hasOlder: boolean;
  readonly loadingOlder: boolean;
  /** Whether the first page of history has come. */
  readonly loaded: boolean;
  /** Every change up to this `rev` is in `messages`, as far up as history was loaded. */
  readonly completeUpTo: number;
  /** Ids of the other participants who are typing. */
  readonly typing: readonly string[];
  /** How far the others are, where it is told. */
  readonly receipts: readonly Receipt[];
  /** Why something of it could not be read; null when nothing failed. {@link ConversationHandle.loadOlder} tries again. */
  readonly error: ParleyError | null;
  /** Why the conversation is gone for this person (`left`, `removed`, `ended`); null while it is not. */
  readonly removed: string | null;
}
