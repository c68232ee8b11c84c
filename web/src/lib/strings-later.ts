// The words of dialogs, of the details and of signing in: they come with what says them. See strings.ts.

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

  // Settings
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
