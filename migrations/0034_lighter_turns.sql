-- What every turn writes, kept as light as it can be: what nobody reads by isn't indexed, what a
-- row's thread answers for already isn't checked a second time, and statistics are kept only of
-- columns that something is looked up by.

-- Events and messages go with their thread, as their turns do: nothing deletes a turn alone.
-- They are read by thread and number.
ALTER TABLE thread_events DROP CONSTRAINT thread_events_site_id_turn_id_fkey;
DROP INDEX thread_events_turn;
ALTER TABLE messages DROP CONSTRAINT messages_site_id_turn_id_fkey;
ALTER TABLE messages DROP CONSTRAINT messages_site_id_visitor_id_fkey;
DROP INDEX messages_turn;

-- A call of a turn goes with the turn. Checked against its site it locked the site's row, which
-- all turns of the site share, at every call; only a call without a turn needs that.
ALTER TABLE model_calls DROP CONSTRAINT model_calls_site_id_fkey;
ALTER TABLE model_calls ADD COLUMN alone uuid GENERATED ALWAYS AS (CASE WHEN turn_id IS NULL THEN site_id END) STORED;
ALTER TABLE model_calls ADD FOREIGN KEY (alone) REFERENCES sites (id) ON DELETE CASCADE;
CREATE INDEX model_calls_alone ON model_calls (alone) WHERE alone IS NOT NULL;

-- Contents that nothing is looked up by: to compare them with each other took longer than all else
-- that ANALYZE does.
ALTER TABLE turns ALTER COLUMN start SET STATISTICS 0;
ALTER TABLE steps ALTER COLUMN input SET STATISTICS 0, ALTER COLUMN actions SET STATISTICS 0,
    ALTER COLUMN after SET STATISTICS 0;
ALTER TABLE thread_events ALTER COLUMN body SET STATISTICS 0;
ALTER TABLE messages ALTER COLUMN text SET STATISTICS 0, ALTER COLUMN citations SET STATISTICS 0,
    ALTER COLUMN body_hash SET STATISTICS 0;
ALTER TABLE tool_calls ALTER COLUMN args SET STATISTICS 0, ALTER COLUMN result SET STATISTICS 0;
ALTER TABLE pii_vault ALTER COLUMN sealed SET STATISTICS 0;
ALTER TABLE held_sentences ALTER COLUMN text SET STATISTICS 0, ALTER COLUMN cites SET STATISTICS 0;

-- Tables that only grow, and are read by their keys: a few thousand rows more change no plan.
ALTER TABLE steps SET (autovacuum_analyze_threshold = 5000, autovacuum_vacuum_insert_threshold = 20000);
ALTER TABLE thread_events SET (autovacuum_analyze_threshold = 5000, autovacuum_vacuum_insert_threshold = 20000);
ALTER TABLE tool_calls SET (autovacuum_analyze_threshold = 2000, autovacuum_vacuum_insert_threshold = 5000);
ALTER TABLE model_calls SET (autovacuum_analyze_threshold = 2000, autovacuum_vacuum_insert_threshold = 5000);
ALTER TABLE messages SET (autovacuum_analyze_threshold = 2000, autovacuum_vacuum_insert_threshold = 5000);
-- A thread's number rises with every store: there is room for the row's next form on its page.
ALTER TABLE threads SET (fillfactor = 80, autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 2000);
ALTER TABLE turns SET (autovacuum_vacuum_threshold = 500, autovacuum_analyze_threshold = 2000);

-- As before, and `p_late` says that the turn's next store may make it durable: nobody is told of the
-- turn before. A log is written in order, so whatever is flushed later takes this along.
DROP FUNCTION deskhand_open_turn(
    uuid, text, text, text, uuid, bytea, uuid, boolean, text, text, uuid, jsonb, uuid, float8, timestamptz,
    uuid, uuid, bytea, text, jsonb, text[], bytea[], boolean);
CREATE FUNCTION deskhand_open_turn(
    p_site uuid, p_name text, p_mode text, p_locale text,
    p_visitor uuid, p_email bytea, p_thread uuid, p_opens boolean, p_channel text, p_lang text,
    p_turn uuid, p_start jsonb, p_owner uuid, p_lease float8, p_at timestamptz,
    p_row uuid, p_message uuid, p_hash bytea, p_text text, p_event jsonb,
    p_placeholders text[], p_sealed bytea[], p_tell boolean, p_late boolean DEFAULT false,
    OUT verdict text, OUT epoch bigint, OUT seq bigint, OUT thread uuid, OUT turn uuid, OUT hash bytea,
    OUT name text, OUT mode text, OUT locale text)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('deskhand.site', p_site::text, true);
    SELECT s.name, s.mode, s.locale INTO name, mode, locale FROM sites s;
    IF name IS DISTINCT FROM p_name OR mode IS DISTINCT FROM p_mode OR locale IS DISTINCT FROM p_locale THEN
        verdict := 'site';
        RETURN;
    END IF;
    SELECT m.thread_id, m.turn_id, m.body_hash, m.seq INTO thread, turn, hash, seq
    FROM messages m WHERE m.visitor_id = p_visitor AND m.message_id = p_message;
    IF FOUND THEN
        verdict := 'repeat';
        RETURN;
    END IF;
    IF p_opens THEN
        INSERT INTO visitors (site_id, id) VALUES (p_site, p_visitor) ON CONFLICT DO NOTHING;
        INSERT INTO threads (site_id, id, visitor_id, channel, lang, last_seq, turn_epoch)
        VALUES (p_site, p_thread, p_visitor, p_channel, p_lang, 1, 1);
        epoch := 1;
        seq := 1;
        IF p_late THEN
            PERFORM set_config('synchronous_commit', 'off', true);
        END IF;
    ELSE
        UPDATE threads t SET last_seq = t.last_seq + 1, turn_epoch = t.turn_epoch + 1
        WHERE t.id = p_thread AND t.visitor_id = p_visitor AND t.fence = 'agent'
        RETURNING t.turn_epoch, t.last_seq INTO epoch, seq;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the thread is another''s' USING ERRCODE = 'DH001';
        END IF;
    END IF;
    IF p_email IS NOT NULL THEN
        UPDATE visitors v SET email_sealed = p_email, email_hash = NULL WHERE v.id = p_visitor;
    END IF;
    IF cardinality(p_placeholders) > 0 THEN
        INSERT INTO pii_vault (site_id, thread_id, placeholder, n, sealed)
        SELECT p_site, p_thread, e.placeholder, b.n + e.k::int, e.sealed
        FROM (SELECT coalesce(max(v.n), 0) AS n FROM pii_vault v WHERE v.thread_id = p_thread) b,
             unnest(p_placeholders, p_sealed) WITH ORDINALITY AS e (placeholder, sealed, k);
    END IF;
    INSERT INTO turns (site_id, id, thread_id, start, first_seq, owner, epoch, lease_until, started_at)
    VALUES (p_site, p_turn, p_thread, p_start, seq, p_owner, epoch,
            clock_timestamp() + make_interval(secs => p_lease), p_at);
    INSERT INTO thread_events (site_id, thread_id, seq, turn_id, type, body, at)
    VALUES (p_site, p_thread, seq, p_turn, p_event ->> 'type', p_event, p_at);
    INSERT INTO messages (site_id, id, thread_id, visitor_id, turn_id, message_id, body_hash, author, text, at, seq)
    VALUES (p_site, p_row, p_thread, p_visitor, p_turn, p_message, p_hash, 'visitor', p_text, p_at, seq);
    IF p_tell THEN
        PERFORM pg_notify('deskhand_thread', p_thread::text || ':' || seq);
    END IF;
    verdict := 'opened';
END $$;
