-- +goose Up

-- Both columns have no default or a constant one, so that no row is written anew.
ALTER TABLE conversation_participants
    ADD COLUMN delivered_seq bigint NOT NULL DEFAULT 0,
    ADD COLUMN read_receipts_enabled boolean;

-- Nothing is declared as a foreign key: the statement that reads what a step rests on proves it.
CREATE TABLE read_receipts (
    conversation_id uuid        NOT NULL,
    message_id      uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    seq             bigint      NOT NULL,
    read_at         timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, message_id, user_id)
);
CREATE INDEX idx_read_receipts_steps ON read_receipts (conversation_id, user_id, seq);

CREATE TABLE buried_receipts (
    conversation_id uuid        NOT NULL,
    message_id      uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    seq             bigint      NOT NULL,
    read_at         timestamptz NOT NULL,
    private         boolean     NOT NULL,
    tries           integer     NOT NULL,
    reason          text        NOT NULL,
    buried_at       timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, message_id, user_id)
);

-- +goose Down
DROP TABLE buried_receipts;
DROP TABLE read_receipts;
ALTER TABLE conversation_participants
    DROP COLUMN read_receipts_enabled,
    DROP COLUMN delivered_seq;
