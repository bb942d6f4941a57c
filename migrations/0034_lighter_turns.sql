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

-- A CHECK is read and planned anew by every statement that writes to its table. These name the values of
-- the program's own closed types, which nothing else writes; what bounds a text or holds two columns
-- together stays.
ALTER TABLE threads DROP CONSTRAINT threads_channel_check, DROP CONSTRAINT threads_fence_check,
    DROP CONSTRAINT threads_status_check;
ALTER TABLE turns DROP CONSTRAINT turns_outcome_check;
ALTER TABLE messages DROP CONSTRAINT messages_author_check;
ALTER TABLE model_calls DROP CONSTRAINT model_calls_phase_check;

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
DECLARE
    -- An assignment is an expression; PERFORM would be a statement.
    site text := set_config('deskhand.site', p_site::text, true);
BEGIN
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
            site := set_config('synchronous_commit', 'off', true);
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

-- The transitions of one store are one row: the last of them, and the ones before it in `earlier`, a
-- list of {n, at, input, actions, ms}. Rows of before have none there.
ALTER TABLE steps ADD COLUMN earlier jsonb;
ALTER TABLE steps ALTER COLUMN earlier SET STATISTICS 0;
-- What fits a page is neither compressed nor kept apart: that took longer than all else of the row.
ALTER TABLE steps SET (toast_tuple_target = 8160);
ALTER TABLE tool_calls SET (toast_tuple_target = 8160);

-- As the one of before, which replicas that aren't replaced yet call, with the last step by itself.
CREATE FUNCTION deskhand_store_turn(
    p_site uuid, p_thread uuid, p_visitor uuid, p_turn uuid, p_epoch bigint, p_at timestamptz,
    p_renew float8, p_tell boolean,
    p_types text[], p_bodies text[],
    p_step int, p_step_at timestamptz, p_input text, p_actions text, p_ms int, p_earlier text, p_after jsonb,
    p_calls uuid[], p_call_new boolean[], p_tools text[], p_args text[], p_results text[], p_codes text[],
    p_attempts int[], p_call_ms int[],
    p_models uuid[], p_model_at timestamptz[], p_phases text[], p_providers text[], p_names text[], p_prompts text[],
    p_tokens_in int[], p_tokens_out int[], p_costs bigint[], p_first_ms int[], p_model_ms int[], p_outcomes text[],
    p_days date[], p_reserved bigint[], p_spent bigint[],
    p_placeholders text[], p_sealed bytea[],
    p_row uuid, p_text text, p_citations jsonb,
    p_outcome text, p_brain text,
    OUT last bigint, OUT cancelled boolean)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    site text := set_config('deskhand.site', p_site::text, true);
    events int := cardinality(p_types);
BEGIN
    IF events > 0 THEN
        UPDATE threads t SET last_seq = t.last_seq + events
        WHERE t.id = p_thread AND t.fence = 'agent' AND t.turn_epoch = p_epoch
        RETURNING t.last_seq INTO last;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the thread is another''s' USING ERRCODE = 'DH001';
        END IF;
    END IF;
    IF p_outcome IS NOT NULL THEN
        UPDATE turns u SET finished_at = p_at, outcome = p_outcome, brain = p_brain
        WHERE u.id = p_turn AND u.epoch = p_epoch AND u.finished_at IS NULL
        RETURNING false INTO cancelled;
    ELSIF p_renew IS NOT NULL OR events = 0 THEN
        UPDATE turns u SET lease_until = CASE WHEN p_renew IS NULL THEN u.lease_until
                                         ELSE clock_timestamp() + make_interval(secs => p_renew) END
        WHERE u.id = p_turn AND u.epoch = p_epoch AND u.finished_at IS NULL
        RETURNING u.cancel_asked INTO cancelled;
    ELSE
        -- Who takes a turn over locks its thread first, which this transaction has locked.
        SELECT u.cancel_asked INTO cancelled FROM turns u
        WHERE u.id = p_turn AND u.epoch = p_epoch AND u.finished_at IS NULL;
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the turn is another''s' USING ERRCODE = 'DH001';
    END IF;
    IF events > 0 THEN
        INSERT INTO thread_events (site_id, thread_id, seq, turn_id, type, body, at)
        SELECT p_site, p_thread, last - events + e.k, p_turn, e.type, e.body::jsonb, p_at
        FROM unnest(p_types, p_bodies) WITH ORDINALITY AS e (type, body, k);
    END IF;
    IF p_step IS NOT NULL THEN
        INSERT INTO steps (site_id, turn_id, n, at, input, actions, after, ms, earlier)
        VALUES (p_site, p_turn, p_step, p_step_at, p_input::jsonb, p_actions::jsonb, p_after, p_ms, p_earlier::jsonb);
    END IF;
    IF cardinality(p_placeholders) > 0 THEN
        INSERT INTO pii_vault (site_id, thread_id, placeholder, n, sealed)
        SELECT p_site, p_thread, e.placeholder, b.n + e.k::int, e.sealed
        FROM (SELECT coalesce(max(v.n), 0) AS n FROM pii_vault v WHERE v.thread_id = p_thread) b,
             unnest(p_placeholders, p_sealed) WITH ORDINALITY AS e (placeholder, sealed, k);
    END IF;
    IF cardinality(p_models) > 0 THEN
        INSERT INTO model_calls (site_id, turn_id, id, at, phase, provider, model, prompt, tokens_in, tokens_out,
                                 cost_micro, first_ms, ms, outcome)
        SELECT p_site, p_turn, m.*
        FROM unnest(p_models, p_model_at, p_phases, p_providers, p_names, p_prompts, p_tokens_in, p_tokens_out,
                    p_costs, p_first_ms, p_model_ms, p_outcomes) m;
    END IF;
    FOR i IN 1 .. cardinality(p_days) LOOP
        UPDATE spend_daily d SET spent_micro = greatest(0, d.spent_micro - p_reserved[i] + p_spent[i])
        WHERE d.day = p_days[i];
    END LOOP;
    FOR i IN 1 .. cardinality(p_calls) LOOP
        IF p_call_new[i] THEN
            INSERT INTO tool_calls (site_id, id, turn_id, tool, args, at, result, code, attempts, ms)
            VALUES (p_site, p_calls[i], p_turn, p_tools[i], p_args[i]::jsonb, p_at, p_results[i]::jsonb, p_codes[i],
                    coalesce(p_attempts[i], 0), p_call_ms[i])
            ON CONFLICT DO NOTHING;
        ELSE
            UPDATE tool_calls c SET result = p_results[i]::jsonb, code = p_codes[i], attempts = p_attempts[i],
                                    ms = p_call_ms[i]
            WHERE c.id = p_calls[i];
        END IF;
    END LOOP;
    IF p_row IS NOT NULL THEN
        INSERT INTO messages (site_id, id, thread_id, visitor_id, turn_id, author, text, citations, at, seq)
        VALUES (p_site, p_row, p_thread, p_visitor, p_turn, 'agent', p_text, p_citations, p_at, last);
    END IF;
    IF p_tell AND events > 0 THEN
        PERFORM pg_notify('deskhand_thread', p_thread::text || ':' || last);
    END IF;
END $$;
