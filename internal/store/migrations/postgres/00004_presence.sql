-- +goose Up

-- Both columns have a constant default, so that no row is written anew.
ALTER TABLE users
    ADD COLUMN presence_invisible boolean NOT NULL DEFAULT false,
    ADD COLUMN presence_rev bigint NOT NULL DEFAULT 0;

CREATE TABLE friendships (
    user_low     uuid        NOT NULL REFERENCES users (id),
    user_high    uuid        NOT NULL REFERENCES users (id),
    requester_id uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    accepted_at  timestamptz,
    PRIMARY KEY (user_low, user_high),
    CHECK (user_low < user_high AND requester_id IN (user_low, user_high))
);
-- A person's list is the people on either side of them, in order of since: of the request, or of its being accepted.
CREATE INDEX idx_friendships_low ON friendships (user_low, COALESCE(accepted_at, created_at), user_high);
CREATE INDEX idx_friendships_high ON friendships (user_high, COALESCE(accepted_at, created_at), user_low);
-- How many requests a person has open is counted with every further one.
CREATE INDEX idx_friendships_requested ON friendships (requester_id) WHERE accepted_at IS NULL;

CREATE TABLE blocks (
    blocker_id uuid        NOT NULL REFERENCES users (id),
    blocked_id uuid        NOT NULL REFERENCES users (id),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
);
CREATE INDEX idx_blocks_blocker ON blocks (blocker_id, created_at, blocked_id);
CREATE INDEX idx_blocks_blocked ON blocks (blocked_id, blocker_id);

CREATE TABLE presence_subscriptions (
    subscriber_id uuid        NOT NULL REFERENCES users (id),
    target_id     uuid        NOT NULL REFERENCES users (id),
    created_at    timestamptz NOT NULL,
    PRIMARY KEY (subscriber_id, target_id),
    CHECK (subscriber_id <> target_id)
);
CREATE INDEX idx_presence_subscriptions_target ON presence_subscriptions (target_id);

-- +goose Down
DROP TABLE presence_subscriptions;
DROP TABLE blocks;
DROP TABLE friendships;
ALTER TABLE users
    DROP COLUMN presence_rev,
    DROP COLUMN presence_invisible;
