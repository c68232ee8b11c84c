import type { Conversation, FriendStatus, LeaveReason, Message, PersonPresence, ReadState, User } from "./shapes.js";

/** What the server sends and this client reads (C4.6, C9). */
export type ServerEvent =
  | { type: "auth:success"; userId: string; sessionId: string; serverId: string; expiresAt: string }
  | { type: "auth:error"; error: string; code: string; retryAfterMs?: number }
  | { type: "auth:expiring"; expiresAt?: string }
  | { type: "subscribed"; conversationId: string; lastSeq: number; lastRev: number; hasMore: boolean }
  | { type: "unsubscribed"; conversationId: string }
  | { type: "caught:up"; conversationId: string; rev: number }
  | MessageEvent
  | SentEvent
  | { type: "message:error"; clientMessageId: string; error: string; code: string; retryable: boolean }
  | { type: "typing:started" | "typing:stopped"; conversationId: string; userId: string }
  | { type: "conversation:added"; conversation: Conversation }
  | { type: "conversation:updated"; conversationId: string; rev: number; conversation: Conversation }
  | { type: "conversation:removed"; conversationId: string; reason: LeaveReason }
  | ActivityEvent
  | ({ type: "receipt:synced" } & ReadState)
  | ReceiptEvent
  | { type: "presence:state"; presences: PersonPresence[] }
  | ({ type: "presence:changed" } & PersonPresence)
  | { type: "friend:changed"; userId: string; status: FriendStatus; since?: string; user?: User }
  | { type: "block:changed"; userId: string; blocked: boolean }
  | { type: "system:announcement"; text: string }
  | { type: "system:draining"; reconnectInMs: number }
  | { type: "error"; error: string; code: string; retryable: boolean; ref?: string; retryAfterMs?: number };

/** A message as it is after a change. A tombstone comes whole too, so that all three can be upserted. */
export interface MessageEvent {
  type: "message:received" | "message:updated" | "message:deleted";
  message: Message;
}

/** The confirmation that a sent message is committed. It may overtake events with a smaller rev. */
export interface SentEvent {
  type: "message:sent";
  clientMessageId: string;
  messageId: string;
  timestamp: string;
  conversationId: string;
  seq: number;
  rev: number;
}

/** How far others have received and read a conversation: each person in a small one, in a large one how many. */
export type ReceiptEvent = { conversationId: string } & (
  | { type: "message:delivered"; userId: string; upToSeq: number }
  /** Without a message they let nobody know any more. */
  | { type: "receipt:updated"; userId: string; messageId: string | null; seq: number; readAt: string | null }
  /** How many others than its sender have read each of the newest messages. */
  | { type: "receipt:count"; counts: { messageId: string; readCount: number }[] }
);

/** What happened in a conversation that is not subscribed. */
export interface ActivityEvent {
  type: "conversation:activity";
  conversationId: string;
  lastSeq: number;
  /** Who wrote the last message, and when. */
  senderId: string;
  timestamp: string;
  /** The beginning of the last message; empty when it is deleted. */
  preview: string;
  unreadCount: number;
}

/** The members that each event cannot do without. */
const members: Record<ServerEvent["type"], string> = {
  "auth:success": "userId",
  "auth:error": "code",
  "auth:expiring": "",
  subscribed: "conversationId lastRev hasMore",
  unsubscribed: "conversationId",
  "caught:up": "conversationId rev",
  "message:received": "message",
  "message:updated": "message",
  "message:deleted": "message",
  "message:sent": "conversationId clientMessageId messageId timestamp seq rev",
  "message:error": "clientMessageId code",
  "message:delivered": "conversationId userId upToSeq",
  "typing:started": "conversationId userId",
  "typing:stopped": "conversationId userId",
  "conversation:added": "conversation",
  "conversation:updated": "conversationId rev conversation",
  "conversation:removed": "conversationId reason",
  "conversation:activity": "conversationId lastSeq senderId timestamp preview unreadCount",
  "receipt:synced": "conversationId unreadCount",
  "receipt:updated": "conversationId userId seq",
  "receipt:count": "conversationId counts",
  "presence:state": "presences",
  "presence:changed": "userId status",
  "friend:changed": "userId status",
  "block:changed": "userId blocked",
  "system:announcement": "text",
  "system:draining": "reconnectInMs",
  error: "code",
};

/** A member has one type wherever it stands, which its name tells. */
function typeOf(name: string): string {
  if (/^(message|conversation|counts|presences)$/.test(name)) return "object";
  if (/(seq|rev|count|ms)$/i.test(name)) return "number";
  return /^(hasMore|blocked)$/.test(name) ? "boolean" : "string";
}

function whole(record: Record<string, unknown>, names: string): boolean {
  return names.split(" ").every((name) => {
    const value = record[name];
    return name === "" || (value !== null && typeof value === typeOf(name));
  });
}

/** Reads a text frame, or an event out of `GET …/changes`. Null for what this client does not know. */
export function parseEvent(frame: unknown): ServerEvent | null {
  let event = frame;
  if (typeof frame === "string") {
    try {
      event = JSON.parse(frame);
    } catch {
      return null;
    }
  }
  if (typeof event !== "object" || event === null) return null;
  const record = event as Record<string, unknown>;
  const type = record.type;
  if (typeof type !== "string" || !Object.hasOwn(members, type)) return null;
  if (!whole(record, members[type as ServerEvent["type"]])) return null;
  if (record.message && !whole(record.message as Record<string, unknown>, "id conversationId senderId seq rev"))
    return null;
  return event as ServerEvent;
}
