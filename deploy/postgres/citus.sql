-- Parley's tables on Citus: which tables are spread by conversation, which are copied to every worker, and which
-- stay on the coordinator. A draft for who goes there, and NOT RUN: Citus is not among what the tests install.
-- docs/adr/ADR-018-partition-by-conversation.md says what was shown (on hash partitions of PostgreSQL itself) and
-- what is known not to work on Citus yet: the statement that appends a batch to several conversations at once.
--
-- On an empty database that parley migrate up has made, and that parley migrate partition has not touched.

BEGIN;

-- A table that is copied to every worker cannot point at one that is spread.
ALTER TABLE direct_conversations DROP CONSTRAINT direct_conversations_conversation_id_fkey;

-- Read beside every conversation, changed seldom: on every worker.
SELECT create_reference_table('users');
SELECT create_reference_table('direct_conversations');
SELECT create_reference_table('blocks');
SELECT create_reference_table('friendships');
SELECT create_reference_table('presence_subscriptions');

-- Everything of one conversation is on one worker, so that its lock, its messages and its joins are too.
SELECT create_distributed_table('conversations', 'id');
SELECT create_distributed_table('conversation_participants', 'conversation_id', colocate_with => 'conversations');
SELECT create_distributed_table('messages', 'conversation_id', colocate_with => 'conversations');
SELECT create_distributed_table('read_receipts', 'conversation_id', colocate_with => 'conversations');
SELECT create_distributed_table('buried_receipts', 'conversation_id', colocate_with => 'conversations');

-- Small, and joined with nothing that is spread: on the coordinator.
SELECT citus_add_local_table_to_metadata('logins', cascade_via_foreign_keys => true);
-- 'refresh_tokens' comes with 'logins'; 'owner_links', 'nodes', 'announcements' and 'schema_info' stay plain tables.

COMMIT;
