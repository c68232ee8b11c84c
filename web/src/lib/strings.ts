// Every word that the client says, in one place. English for now; a second language is a second object of
// this type. Short sentences, no exclamation marks.

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

  // Signing in
  tagline: "Quiet conversations on a server of your own.",
  signIn: "Sign in",
  register: "Create account",
  registerInstead: "New here? Create an account",
  signInInstead: "Have an account? Sign in",
  username: "Username",
  usernameHint: "3 to 32 letters, digits, _ . or -",
  password: "Password",
  passwordHint: "At least 8 characters",
  displayName: "Name",
  displayNameHint: "What others see. Optional.",
  working: "One moment",
  demoHint: (name: string) => `Demo: you are about to sign in as ${name}.`,
  ownerTitle: "This server is yours",
  ownerText: "Create the account that owns it.",
  signOut: "Sign out",
  sessionEnded: "You were signed out.",
  showPassword: "Show password",
  hidePassword: "Hide password",

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
  unnamedGroup: "Group",
  formerParticipant: "Former participant",
  onlyYou: "Only you",

  // Starting one
  findPeople: "Find people",
  findPeopleHint: "Type two letters or more of a name",
  chosen: "Chosen people",
  removeName: (name: string) => `Remove ${name}`,
  groupTitle: "Group name",
  groupTitleHint: "Optional",
  asGroup: "Make it a group",
  startChat: "Start chat",
  createGroup: "Create group",
  chatWith: "Chat with",
  nobodyFound: "Nobody found.",

  // Messages
  messages: "Messages",
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
  statusFailed: "Not sent",
  retry: "Retry",
  discard: "Discard",
  edit: "Edit",
  delete: "Delete",
  deleteTitle: "Delete this message?",
  deleteText: "It disappears for everybody in this conversation.",
  cancel: "Cancel",
  save: "Save",
  close: "Close",
  back: "Back to conversations",
  details: "Details",
  jumpToLatest: "Latest messages",
  jumpWithNew: (n: number) => count(n, "new message", "new messages"),
  sayHello: (name: string) => `Say hello to ${name}`,
  emptyGroup: "The first message is yours",
  beginning: "This is the beginning of the conversation.",
  loadingOlder: "Loading older messages",
  removedTitle: {
    removed: "You were removed from this conversation.",
    left: "You left this conversation.",
    ended: "This conversation has ended.",
  } as Record<string, string>,
  notHere: "This conversation is not available.",
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

  // Announcements
  announcement: "From whoever runs this server:",

  // Details
  groupDetails: "Group details",
  personDetails: "About",
  participants: (n: number) => count(n, "participant", "participants"),
  addPeople: "Add people",
  add: "Add",
  rename: "Rename",
  roleOwner: "Owner",
  roleAdmin: "Admin",
  roleMember: "Participant",
  makeAdmin: "Make admin",
  makeMember: "Make participant",
  makeOwner: "Hand over the group",
  removeFromGroup: "Remove from group",
  optionsFor: (name: string) => `Options for ${name}`,
  leave: "Leave group",
  leaveTitle: "Leave this group?",
  leaveText: "You will not see its messages any more.",
  end: "Delete group",
  endTitle: "Delete this group?",
  endText: "It ends for everybody, with all its messages.",
  hide: "Hide conversation",
  hideTitle: "Hide this conversation?",
  hideText: "It comes back with the next message.",
  removeTitle: (name: string) => `Remove ${name}?`,
  removeText: "They will not see new messages of this group.",
  handOverTitle: (name: string) => `Hand the group to ${name}?`,
  handOverText: "You will be an admin. Only the new owner can give it back.",
  memberSince: (date: string) => `On this server since ${date}`,

  // Settings
  profile: "Profile",
  saved: "Saved",
  appearance: "Appearance",
  themeSystem: "System",
  themeLight: "Light",
  themeDark: "Dark",
  keyboard: "Keyboard",
  keys: [
    ["Enter", "Send"],
    ["Shift Enter", "New line"],
    ["↑", "Edit your last message"],
    ["Ctrl K", "Search"],
    ["Esc", "Cancel, close"],
  ] as const,

  // Faults
  fault: "Something went wrong.",
  dismiss: "Dismiss",
  reload: "Reload",
};
