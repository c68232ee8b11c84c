import type { OutboxRow } from "./outbox-storage.js";
import type { Message } from "./shapes.js";

/** A message made of what is known of it: of what is sent and, once it is confirmed, what the server gave it. */
export function messageOf(
  {
    conversationId,
    clientMessageId,
    content,
    userId: senderId,
  }: Pick<OutboxRow, "userId" | "conversationId" | "clientMessageId" | "content">,
  given: { id: string; seq: number; rev: number; createdAt: string },
): Message {
  return {
    ...{ ...given, conversationId, senderId, content, contentType: "text", clientMessageId },
    ...{ updatedAt: given.createdAt, editedAt: null, deletedAt: null },
  };
}
