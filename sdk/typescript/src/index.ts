export type { Api, NewConversation, ParticipantPage, ReaderPage } from "./api.js";
export type { ConversationHandle, Credentials, ParleyClientOptions } from "./client.js";
export { ParleyClient } from "./client.js";
export type { Reason } from "./codes.gen.js";
export type { Code, FieldError, Retry } from "./errors.js";
export { ParleyError, retryIn } from "./errors.js";
export type { ServerEvent } from "./events.js";
export { MemoryStorage } from "./memory.js";
export type { OutboxRow, OutboxStorage } from "./outbox-storage.js";
export type { Call } from "./rest.js";
export type {
  Block,
  Conversation,
  DeviceType,
  Friend,
  FriendStatus,
  LeaveReason,
  Me,
  Message,
  Participant,
  PersonPresence,
  PresenceSharing,
  PresenceStatus,
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
  Device,
  MessageStatus,
  MessageView,
  OutboxState,
  Receipt,
  SessionState,
} from "./views.js";
