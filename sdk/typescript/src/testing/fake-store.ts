import type { Conversation, Me, Message, User } from "../shapes.js";

export interface FakePerson extends Me {
  readonly password: string;
  /** Null until they have gone once. */
  readonly lastSeenAt: string | null;
}

export interface FakeConversation {
  readonly id: string;
  readonly type: "direct" | "group";
  title: string | null;
  readonly ownerId: string | null;
  people: string[];
  readonly messages: Message[];
  lastRev: number;
  /** The `rev` of the last change to the conversation itself or to who is in it. */
  rosterRev: number;
  readonly createdAt: string;
  updatedAt: string;
  /** By person: the `seq` up to which they have read, also by sending. */
  readonly read: Map<string, number>;
  /** By person: the `seq` up to which a device of theirs has everything. */
  readonly delivered: Map<string, number>;
  /** Every step of somebody's read position (C6.2), the oldest first. */
  steps: { readonly userId: string; readonly seq: number; readonly readAt: string }[];
}

/** A change that takes a `rev`. */
export interface FakeChange {
  readonly conversation: FakeConversation;
  readonly rev: number;
  readonly event: Record<string, unknown> & { type: string };
  /** The socket that sent the message; it is answered instead. */
  readonly origin?: string;
}

/** What a fake server remembers, with the server's own rules for `seq` and `rev` (C1). It survives every fault. */
export class FakeStore {
  readonly people = new Map<string, FakePerson>();
  readonly conversations = new Map<string, FakeConversation>();
  #ids = 0;
  #lastTime = 0;

  id(): string {
    return `00000000-0000-7000-8000-${(++this.#ids).toString(16).padStart(12, "0")}`;
  }

  /** Strictly rising, in microseconds (C1.4). */
  now(): string {
    this.#lastTime = Math.max(this.#lastTime + 1, Date.now() * 1000);
    const micros = String(this.#lastTime % 1_000_000).padStart(6, "0");
    return new Date(Math.floor(this.#lastTime / 1000)).toISOString().replace(/\.\d+Z$/, `.${micros}Z`);
  }

  person(username: string, password: string): FakePerson {
    const person: FakePerson = {
      ...{ id: this.id(), username, displayName: username, createdAt: this.now(), email: null, password },
      ...{ readReceiptsEnabled: true, presenceEnabled: true, presenceSharing: "everyone", presenceInvisible: false },
      ...{ lastSeenAt: null },
    };
    this.people.set(person.id, person);
    return person;
  }

  byName(username: string): FakePerson | undefined {
    return [...this.people.values()].find((person) => person.username === username);
  }

  create(type: "direct" | "group", people: string[], title: string | null): FakeConversation {
    const at = this.now();
    const conversation: FakeConversation = {
      ...{ id: this.id(), type, title, ownerId: type === "group" ? (people[0] as string) : null, people },
      ...{ messages: [], lastRev: 1, rosterRev: 1, createdAt: at, updatedAt: at },
      ...{ read: new Map(), delivered: new Map(), steps: [] },
    };
    this.conversations.set(conversation.id, conversation);
    return conversation;
  }

  /** Stores a message once; a repetition finds the first (C2.3). */
  append(
    c: FakeConversation,
    sender: string,
    clientMessageId: string,
    content: string,
  ): { message: Message; again: boolean } {
    const have = c.messages.find((m) => m.senderId === sender && m.clientMessageId === clientMessageId);
    if (have) return { message: have, again: true };
    const at = this.now();
    const message: Message = {
      ...{
        id: this.id(),
        conversationId: c.id,
        senderId: sender,
        seq: c.messages.length + 1,
        rev: ++c.lastRev,
        content,
      },
      ...{ contentType: "text", clientMessageId, createdAt: at, updatedAt: at, editedAt: null, deletedAt: null },
    };
    c.messages.push(message);
    c.updatedAt = at;
    this.advance(c, sender, message.seq);
    return { message, again: false };
  }

  /** Moves a read position forward; false when it is there already. */
  advance(c: FakeConversation, userId: string, seq: number): boolean {
    if (seq <= (c.read.get(userId) ?? 0)) return false;
    c.read.set(userId, seq);
    c.steps.push({ userId, seq, readAt: this.now() });
    return true;
  }

  /** Who has read a message and lets others know, with the time of their first step at or past it. */
  readers(c: FakeConversation, { seq, senderId }: Message): { user: User; readAt: string }[] {
    const counted = (id: string) =>
      id !== senderId && c.people.includes(id) && this.people.get(id)?.readReceiptsEnabled;
    const first = new Map<string, string>();
    for (const step of c.steps) {
      if (step.seq >= seq && counted(step.userId) && !first.has(step.userId)) first.set(step.userId, step.readAt);
    }
    return [...first].map(([id, readAt]) => ({ user: this.user(id), readAt }));
  }

  /** Replaces the text of a message, or with null leaves a tombstone. */
  revise(c: FakeConversation, messageId: string, content: string | null): Message | null {
    const at = c.messages.findIndex((m) => m.id === messageId);
    const have = c.messages[at];
    if (!have || have.deletedAt !== null) return null;
    const now = this.now();
    const part = content === null ? { content: "", deletedAt: now } : { content, editedAt: now };
    const message: Message = { ...have, ...part, updatedAt: now, rev: ++c.lastRev };
    c.messages[at] = message;
    return message;
  }

  /** Notes a change to the conversation itself. */
  reviseRoster(c: FakeConversation): number {
    c.rosterRev = ++c.lastRev;
    c.updatedAt = this.now();
    return c.rosterRev;
  }

  user(id: string): User {
    const { username, displayName, createdAt } = this.people.get(id) as FakePerson;
    return { id, username, displayName, createdAt };
  }

  me(id: string): Me {
    const { password: _, lastSeenAt: __, ...me } = this.people.get(id) as FakePerson;
    return me;
  }

  unread(c: FakeConversation, viewer: string): number {
    const read = c.read.get(viewer) ?? 0;
    return c.messages.filter((m) => m.seq > read && m.senderId !== viewer && m.deletedAt === null).length;
  }

  /** A conversation as one person sees it, or as all do. */
  view(c: FakeConversation, viewer?: string): Conversation {
    const { id, type, title, ownerId, createdAt, updatedAt, lastRev, messages } = c;
    const role = (person: string) => (type === "group" && person === ownerId ? "owner" : "member");
    const shared: Conversation = {
      ...{ id, type, title, ownerId, createdAt, updatedAt, lastRev, lastSeq: messages.length },
      participants: c.people.map((person) => ({ user: this.user(person), role: role(person), joinedAt: createdAt })),
      participantCount: c.people.length,
      lastMessage: messages.at(-1) ?? null,
    };
    if (viewer === undefined) return shared;
    const lastReadSeq = c.read.get(viewer) ?? 0;
    const lastReadMessageId = messages[lastReadSeq - 1]?.id ?? null;
    return { ...shared, unreadCount: this.unread(c, viewer), mentionCount: 0, lastReadSeq, lastReadMessageId };
  }

  /** A difference of states: what changed past `afterRev`, each thing once (C3.3). */
  changes(c: FakeConversation, afterRev: number): FakeChange[] {
    const changes = c.messages.filter((m) => m.rev > afterRev).map((message) => this.messageChange(c, message));
    if (c.rosterRev > afterRev) changes.push(this.rosterChange(c, c.rosterRev));
    return changes.sort((a, b) => a.rev - b.rev);
  }

  messageChange(conversation: FakeConversation, message: Message, origin?: string): FakeChange {
    const { id: messageId, conversationId, seq, rev, deletedAt } = message;
    const event =
      deletedAt !== null
        ? { type: "message:deleted", conversationId, messageId, seq, rev, deletedAt, message }
        : { type: message.editedAt === null ? "message:received" : "message:updated", message };
    return { conversation, rev, event, ...(origin === undefined ? {} : { origin }) };
  }

  rosterChange(conversation: FakeConversation, rev: number): FakeChange {
    const view = this.view(conversation);
    return {
      conversation,
      rev,
      event: { type: "conversation:updated", conversationId: conversation.id, rev, conversation: view },
    };
  }
}
