-- +goose Up

ALTER TABLE conversation_participants ADD COLUMN delivered_seq integer NOT NULL DEFAULT 0;
ALTER TABLE conversation_participants ADD COLUMN read_receipts_enabled boolean;

-- Nothing is declared as a foreign key: the statement that reads what a step rests on proves it.
CREATE TABLE read_receipts (
    conversation_id text    NOT NULL,
    message_id      text    NOT NULL,
    user_id         text    NOT NULL,
    seq             integer NOT NULL,
    read_at         integer NOT NULL,
    PRIMARY KEY (conversation_id, message_id, user_id)
);
CREATE INDEX idx_read_receipts_steps ON read_receipts (conversation_id, user_id, seq);

CREATE TABLE buried_receipts (
    conversation_id text    NOT NULL,
    message_id      text    NOT NULL,
    user_id         text    NOT NULL,
    seq             integer NOT NULL,
    read_at         integer NOT NULL,
    private         boolean NOT NULL,
    tries           integer NOT NULL,
    reason          text    NOT NULL,
    buried_at       integer NOT NULL,
    PRIMARY KEY (conversation_id, message_id, user_id)
);

-- +goose Down
DROP TABLE buried_receipts;
DROP TABLE read_receipts;
ALTER TABLE conversation_participants DROP COLUMN read_receipts_enabled;
ALTER TABLE conversation_participants DROP COLUMN delivered_seq;
