-- +goose Up

-- oldest_compatible is the oldest version of this schema whose programs can still work with what is
-- here. A migration that only adds leaves it; one that takes away raises it.
CREATE TABLE schema_info (
    oldest_compatible integer NOT NULL
);
INSERT INTO schema_info VALUES (1);

CREATE TABLE users (
    id                    text        NOT NULL PRIMARY KEY,
    username              text        NOT NULL,
    username_key          text        NOT NULL,
    display_name          text        NOT NULL,
    display_key           text        NOT NULL,
    email                 text,
    password_hash         text        NOT NULL DEFAULT '',
    is_owner              boolean     NOT NULL DEFAULT false,
    read_receipts_enabled boolean     NOT NULL DEFAULT true,
    presence_enabled      boolean     NOT NULL DEFAULT true,
    presence_sharing      text        NOT NULL DEFAULT 'everyone' CHECK (presence_sharing IN ('everyone', 'friends', 'nobody')),
    last_seen_at          integer,
    created_at            integer     NOT NULL,
    updated_at            integer     NOT NULL,
    deleted_at            integer
);
CREATE UNIQUE INDEX idx_users_username_key ON users (username_key);
CREATE INDEX idx_users_display_key ON users (display_key);

CREATE TABLE conversations (
    id              text        NOT NULL PRIMARY KEY,
    type            text        NOT NULL CHECK (type IN ('direct', 'group')),
    title           text        NOT NULL DEFAULT '',
    owner_id        text        REFERENCES users (id),
    last_seq        integer     NOT NULL DEFAULT 0,
    last_rev        integer     NOT NULL DEFAULT 1,
    roster_rev      integer     NOT NULL DEFAULT 1,
    last_message_at integer,
    created_at      integer     NOT NULL,
    updated_at      integer     NOT NULL,
    ended_at        integer
);

CREATE TABLE conversation_participants (
    conversation_id      text        NOT NULL REFERENCES conversations (id),
    user_id              text        NOT NULL REFERENCES users (id),
    role                 text        NOT NULL CHECK (role IN ('owner', 'admin', 'member')),
    rev                  integer     NOT NULL,
    joined_at            integer     NOT NULL,
    left_at              integer,
    last_read_message_id text,
    last_read_seq        integer     NOT NULL DEFAULT 0,
    last_read_at         integer,
    hidden_seq           integer     NOT NULL DEFAULT -1,
    PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX idx_participants_joined ON conversation_participants (conversation_id, joined_at, user_id) WHERE left_at IS NULL;
CREATE INDEX idx_participants_user ON conversation_participants (user_id, conversation_id) WHERE left_at IS NULL;

CREATE TABLE direct_conversations (
    user_low        text NOT NULL REFERENCES users (id),
    user_high       text NOT NULL REFERENCES users (id),
    conversation_id text NOT NULL REFERENCES conversations (id),
    PRIMARY KEY (user_low, user_high),
    CHECK (user_low < user_high)
);

-- conversation_id and sender_id are not declared as foreign keys: the statement that inserts proves both.
CREATE TABLE messages (
    id                text        NOT NULL,
    conversation_id   text        NOT NULL,
    sender_id         text        NOT NULL,
    seq               integer     NOT NULL,
    rev               integer     NOT NULL,
    content           text        NOT NULL,
    content_type      text        NOT NULL,
    client_message_id text        NOT NULL,
    created_at        integer     NOT NULL,
    updated_at        integer     NOT NULL,
    edited_at         integer,
    deleted_at        integer,
    PRIMARY KEY (conversation_id, id)
);
CREATE UNIQUE INDEX idx_messages_seq ON messages (conversation_id, seq);
CREATE UNIQUE INDEX idx_messages_rev ON messages (conversation_id, rev);
CREATE UNIQUE INDEX idx_messages_client_id ON messages (conversation_id, sender_id, client_message_id);
CREATE INDEX idx_messages_conversation_created ON messages (conversation_id, created_at DESC, id DESC);
CREATE INDEX idx_messages_sender ON messages (sender_id, created_at DESC);
CREATE INDEX idx_messages_own ON messages (conversation_id, sender_id, seq);
CREATE INDEX idx_messages_deleted ON messages (conversation_id, seq) WHERE deleted_at IS NOT NULL;

CREATE TABLE logins (
    id         text        NOT NULL PRIMARY KEY,
    user_id    text        NOT NULL REFERENCES users (id),
    user_agent text        NOT NULL,
    created_at integer     NOT NULL,
    ended_at   integer
);
CREATE INDEX idx_logins_user ON logins (user_id);
CREATE INDEX idx_logins_ended ON logins (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE refresh_tokens (
    hash       blob        NOT NULL PRIMARY KEY,
    login_id   text        NOT NULL REFERENCES logins (id) ON DELETE CASCADE,
    issued_at  integer     NOT NULL,
    expires_at integer     NOT NULL,
    used_at    integer
);
CREATE INDEX idx_refresh_tokens_login ON refresh_tokens (login_id);
CREATE INDEX idx_refresh_tokens_expires ON refresh_tokens (expires_at);

CREATE TABLE owner_links (
    hash       blob        NOT NULL PRIMARY KEY,
    expires_at integer     NOT NULL
);

-- +goose Down
DROP TABLE owner_links;
DROP TABLE refresh_tokens;
DROP TABLE logins;
DROP TABLE messages;
DROP TABLE direct_conversations;
DROP TABLE conversation_participants;
DROP TABLE conversations;
DROP TABLE users;
DROP TABLE schema_info;
