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
CREATE INDEX idx_friendships_high ON friendships (user_high, user_low);

CREATE TABLE blocks (
    blocker_id text    NOT NULL REFERENCES users (id),
    blocked_id text    NOT NULL REFERENCES users (id),
    created_at integer NOT NULL,
    PRIMARY KEY (blocker_id, blocked_id),
    CHECK (blocker_id <> blocked_id)
);
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
