-- +goose Up

ALTER TABLE users ADD COLUMN presence_invisible boolean NOT NULL DEFAULT false;
ALTER TABLE users ADD COLUMN presence_rev integer NOT NULL DEFAULT 0;

CREATE TABLE friendships (
    user_low     text    NOT NULL REFERENCES users (id),
    user_high    text    NOT NULL REFERENCES users (id),
    requester_id text    NOT NULL,
    created_at   integer NOT NULL,
    accepted_at  integer,
    PRIMARY KEY (user_low, user_high),
    CHECK (user_low < user_high AND requester_id IN (user_low, user_high))
);
-- A person's list is the people on either side of them, in order of since: of the request, or of its being accepted.
CREATE INDEX idx_friendships_low ON friendships (user_low, COALESCE(accepted_at, created_at), user_high);
CREATE INDEX idx_friendships_high ON friendships (user_high, COALESCE(accepted_at, created_at), user_low);
-- How many requests a person has open is counted with every further one.
CREATE INDEX idx_friendships_requested ON friendships (requester_id) WHERE accepted_at IS NULL;

CREATE TABLE blocks (
    blocker_id text    NOT NULL REFERENCES users (id),
    blocked_id text    NOT NULL REFERENCES users (id),
    created_at integer NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
);
CREATE INDEX idx_blocks_blocker ON blocks (blocker_id, created_at, blocked_id);
CREATE INDEX idx_blocks_blocked ON blocks (blocked_id, blocker_id);

CREATE TABLE presence_subscriptions (
    subscriber_id text    NOT NULL REFERENCES users (id),
    target_id     text    NOT NULL REFERENCES users (id),
    created_at    integer NOT NULL,
    PRIMARY KEY (subscriber_id, target_id),
    CHECK (subscriber_id <> target_id)
);
CREATE INDEX idx_presence_subscriptions_target ON presence_subscriptions (target_id);

-- +goose Down
DROP TABLE presence_subscriptions;
DROP TABLE blocks;
DROP TABLE friendships;
ALTER TABLE users DROP COLUMN presence_rev;
ALTER TABLE users DROP COLUMN presence_invisible;
