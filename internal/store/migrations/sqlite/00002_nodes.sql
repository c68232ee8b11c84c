-- +goose Up

CREATE TABLE nodes (
    id           text    NOT NULL PRIMARY KEY,
    process_id   text    NOT NULL,
    version      text    NOT NULL,
    url          text    NOT NULL,
    bus          text    NOT NULL,
    signing_keys text    NOT NULL,
    draining     boolean NOT NULL,
    started_at   integer NOT NULL,
    seen_at      integer NOT NULL
);

CREATE TABLE announcements (
    id         text    NOT NULL PRIMARY KEY,
    text       text    NOT NULL,
    author     text    NOT NULL,
    created_at integer NOT NULL
);

-- +goose Down
DROP TABLE announcements;
DROP TABLE nodes;
