// Every word that the client says: here those of the first screen, in strings-later.ts those of what is loaded when it
// is asked for. English for now; a second language is a second object of each type. Short sentences, no exclamation
// marks.

const plural = new Intl.PluralRules("en");

function count(n: number, one: string, other: string): string {
  return `${n.toLocaleString("en")} ${plural.select(n) === "one" ? one : other}`;
}

function names(list: readonly string[]): string {
  return new Intl.ListFormat("en", { type: "conjunction" }).format(list);
}

export const strings = {
  app: "Parley",
  locale: "en-GB",

  // List
  conversations: "Conversations",
  conversation: "Conversation",
  search: "Search",
  searchLong: "Search conversations and people",
  clearSearch: "Clear search",
  newConversation: "New conversation",
  settings: "Settings",
  people: "People",
  noConversations: "No conversations yet",
  noConversationsText: "Find somebody by name and say hello.",
  noResults: (q: string) => `Nothing found for “${q}”.`,
  unread: (n: number) => count(n, "unread message", "unread messages"),
  draft: "Draft:",
  you: "You",
  youPrefix: "You: ",
  deletedPreview: "Message deleted",
  noMessages: "No messages yet",
  loadMore: "Show more",
  chooseConversation: "Choose a conversation",
  chooseConversationText: "Or press Ctrl K and type a name.",
  formerParticipant: "Former participant",
  onlyYou: "Only you",

  // Presence
  online: "Online",
  onlineOn: { desktop: "Online on desktop", mobile: "Online on mobile" },
  presenceAway: "Away",

  // Starting one
  chatWith: "Chat with",

  // Messages
  messagesWith: (name: string) => `Messages in ${name}`,
  today: "Today",
  yesterday: "Yesterday",
  newMessages: "New",
  edited: "edited",
  deleted: "This message was deleted",
  statusQueued: "Waiting to be sent",
  statusSending: "Sending",
  statusStored: "Sent",
  statusDelivered: "Delivered",
  statusRead: "Read",
  readBy: (n: number) => `Read by ${n.toLocaleString("en")}`,
  statusFailed: "Not sent",
  statusDoubtful: "Perhaps sent. Retry never doubles it.",
  retry: "Retry",
  discard: "Discard",
  edit: "Edit",
  delete: "Delete",
  cancel: "Cancel",
  save: "Save",
  back: "Back to conversations",
  details: "Details",
  jumpToLatest: "Latest messages",
  jumpWithNew: (n: number) => count(n, "new message", "new messages"),
  sayHello: (name: string) => `Say hello to ${name}`,
  emptyGroup: "The first message is yours",
  beginning: "This is the beginning of the conversation.",
  loadingOlder: "Loading older messages",
  said: (name: string, text: string) => `${name}: ${text}`,

  // Composer
  writeTo: (name: string) => `Message ${name}`,
  send: "Send",
  editing: "Editing message",
  editingHint: "Esc to cancel",
  tooLong: (over: number) => `${count(over, "character", "characters")} too many`,
  typing: (who: readonly string[]) =>
    who.length > 3 ? "Several people are typing" : `${names(who)} ${who.length === 1 ? "is" : "are"} typing`,

  // Connection
  offline: "You are offline.",
  reconnecting: "Connecting again.",
  disconnected: "Not connected.",
  waiting: (n: number) => `${count(n, "message", "messages")} waiting`,
  tryNow: "Try now",

  // Details
  participants: (n: number) => count(n, "participant", "participants"),

  // Faults
  fault: "Something went wrong.",
  dismiss: "Dismiss",
  reload: "Reload",
};
