// The words of dialogs, of the details and of signing in: they come with what says them. See strings.ts.

function requestsOf(n: number): string {
  return n === 1 ? "1 request" : `${n.toLocaleString("en")} requests`;
}

export const later = {
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
  showPassword: "Show password",
  hidePassword: "Hide password",

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
  nobodyFound: "Nobody found.",

  // Messages
  close: "Close",

  // Announcements
  announcement: "From whoever runs this server:",

  // Details
  groupDetails: "Group details",
  personDetails: "About",
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

  // Messages
  deleteTitle: "Delete this message?",
  deleteText: "It disappears for everybody in this conversation.",
  removedTitle: {
    removed: "You were removed from this conversation.",
    left: "You left this conversation.",
    ended: "This conversation has ended.",
  } as Record<string, string>,
  notHere: "This conversation is not available.",

  // Reading
  conversationOptions: "Options for this conversation",
  markRead: "Mark as read",
  readers: "Readers",
  loadingReaders: "Loading readers",
  noReaders: "Nobody who lets others know has read it.",

  // Presence
  invisible: "Invisible",
  offline: "Offline",
  lastSeen: (ago: string) => `Last seen ${ago}`,
  justNow: "just now",
  ownMenu: (state: string, requests: number) => `You: ${state}${requests > 0 ? `, ${requestsOf(requests)}` : ""}`,
  beVisible: "Be visible",
  beInvisible: "Be invisible",
  youAreInvisible: "You are invisible.",

  // Friends
  friends: "Friends",
  friendsWith: (requests: number) => (requests > 0 ? `Friends, ${requestsOf(requests)}` : "Friends"),
  findFriends: "Find people to ask",
  requestsIn: "They ask you",
  requestsOut: "You asked them",
  noFriends: "No friends yet.",
  ask: (name: string) => `Ask ${name} to be friends`,
  accept: (name: string) => `Accept ${name}`,
  decline: (name: string) => `Decline ${name}`,
  friendStatus: { friends: "Friends", outgoing: "Asked", incoming: "Asks you" },
  askFriend: "Ask to be friends",
  acceptRequest: "Accept the request",
  declineRequest: "Decline the request",
  withdraw: "Withdraw the request",
  withdrawShort: "Withdraw",
  unfriend: "Remove from friends",
  unfriendTitle: (name: string) => `Remove ${name} from your friends?`,
  unfriendText: "They are not told. You can ask them again.",

  // Blocks
  block: "Block",
  unblock: "Unblock",
  blockTitle: (name: string) => `Block ${name}?`,
  blockText:
    "Neither of you can write to the other directly, be friends, see when the other is here, or find the other by name. They are not told. In groups that you share both still see what is written.",
  blockedHint:
    "When you block somebody, neither of you can write to the other directly, be friends, see when the other is here, or find the other by name. They are not told. In groups that you share both still see what is written.",
  blockedPeople: "Blocked people",
  nobodyBlocked: "You have blocked nobody.",
  youBlocked: (name: string) => `You blocked ${name}.`,
  cannotWrite: (name: string) => `You cannot write to ${name}.`,

  // Settings
  appearOffline: "Be invisible",
  appearOfflineHint:
    "You look offline to everybody, and nobody sees that you type or read, until you switch it off. Then they see what you read meanwhile.",
  presenceEnabled: "Let others see when I am here",
  presenceEnabledHint: "When off, nobody sees whether you are here, or when you were.",
  presenceSharing: "Who sees it",
  shareEveryone: "Everyone I talk with",
  shareFriends: "Friends",
  shareNobody: "Nobody",
  privacy: "Privacy",
  readReceipts: "Let others see what I have read",
  readReceiptsHint:
    "When off, nobody sees what you have read, only that it reached you. You still see what others have read. Switching on again shows what you read meanwhile.",
  saved: "Saved",
  notSaved: (why: string) => `Not saved: ${why}`,
  away: "the server cannot be reached.",
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
};
