import type { Conversation, LeaveReason, Message, ReadState } from "./shapes.js";

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
  | { type: "message:delivered"; conversationId: string; userId: string; upToSeq: number }
  | { type: "typing:started" | "typing:stopped"; conversationId: string; userId: string }
  | { type: "conversation:added"; conversation: Conversation }
  | { type: "conversation:updated"; conversationId: string; rev: number; conversation: Conversation }
  | { type: "conversation:removed"; conversationId: string; reason: LeaveReason }
  | ActivityEvent
  | ({ type: "receipt:synced" } & ReadState)
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

/** What happened in a conversation that is not subscribed. */
export interface ActivityEvent {
  type: "conversation:activity";
  conversationId: string;
  lastSeq: number;
  preview?: unknown;
  unreadCount: number;
}

/** The members that each event cannot do without, and the first letter of their type. */
const members: Record<ServerEvent["type"], Record<string, "s" | "n" | "b" | "o">> = {
  "auth:success": { userId: "s" },
  "auth:error": { code: "s" },
  "auth:expiring": {},
  subscribed: { conversationId: "s", lastRev: "n", hasMore: "b" },
  unsubscribed: { conversationId: "s" },
  "caught:up": { conversationId: "s", rev: "n" },
  "message:received": { message: "o" },
  "message:updated": { message: "o" },
  "message:deleted": { message: "o" },
  "message:sent": { clientMessageId: "s", messageId: "s", timestamp: "s", conversationId: "s", seq: "n", rev: "n" },
  "message:error": { clientMessageId: "s", code: "s" },
  "message:delivered": { conversationId: "s", userId: "s", upToSeq: "n" },
  "typing:started": { conversationId: "s", userId: "s" },
  "typing:stopped": { conversationId: "s", userId: "s" },
  "conversation:added": { conversation: "o" },
  "conversation:updated": { conversationId: "s", rev: "n", conversation: "o" },
  "conversation:removed": { conversationId: "s", reason: "s" },
  "conversation:activity": { conversationId: "s", lastSeq: "n", unreadCount: "n" },
  "receipt:synced": { conversationId: "s", unreadCount: "n" },
  "system:announcement": { text: "s" },
  "system:draining": { reconnectInMs: "n" },
  error: { code: "s" },
};

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
  for (const [name, letter] of Object.entries(members[type as ServerEvent["type"]])) {
    const value = record[name];
    if (value === null || (typeof value)[0] !== letter) return null;
  }
  const message = record.message as Partial<Message> | undefined;
  if (
    message &&
    !(typeof message.id === "string" && Number.isSafeInteger(message.seq) && Number.isSafeInteger(message.rev))
  ) {
    return null;
  }
  return event as ServerEvent;
}
