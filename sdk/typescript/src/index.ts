export type { Api, NewConversation, ParticipantPage, ReaderPage } from "./api.js";
export type { ConversationHandle, Credentials, ParleyClientOptions } from "./client.js";
export { ParleyClient } from "./client.js";
export type { Code, FieldError } from "./errors.js";
export { ParleyError } from "./errors.js";
export { MemoryStorage } from "./memory.js";
export type { OutboxRow, OutboxStorage } from "./outbox-storage.js";
export type {
  Conversation,
  LeaveReason,
  Me,
  Message,
  Participant,
  PresenceSharing,
  ProfileEdit,
  Reader,
  ReadState,
  Role,
  User,
} from "./shapes.js";
export type { Store } from "./store.js";
export type {
  ConnectionState,
  ConversationListState,
  ConversationViewState,
  MessageStatus,
  MessageView,
  OutboxState,
  Receipt,
  SessionState,
} from "./views.js";
