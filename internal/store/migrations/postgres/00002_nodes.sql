-- +goose Up

CREATE TABLE nodes (
    id           text        PRIMARY KEY,
    process_id   uuid        NOT NULL,
    version      text        NOT NULL,
    url          text        NOT NULL,
    bus          text        NOT NULL,
    signing_keys text        NOT NULL,
    draining     boolean     NOT NULL,
    started_at   timestamptz NOT NULL,
    seen_at      timestamptz NOT NULL
    -- Every node updates its row every few seconds: room on the page keeps those updates on it.
) WITH (fillfactor = 50);

CREATE TABLE announcements (
    id         uuid        PRIMARY KEY,
    text       text        NOT NULL,
    author     text        NOT NULL,
    created_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE announcements;
DROP TABLE nodes;
