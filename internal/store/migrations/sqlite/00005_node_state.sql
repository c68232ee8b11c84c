-- +goose Up

-- A constant default writes no row anew, and a program that does not know the column leaves it alone.
ALTER TABLE nodes ADD COLUMN state text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE nodes DROP COLUMN state;
