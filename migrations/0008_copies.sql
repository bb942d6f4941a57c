-- What processes keep in memory of a site's knowledge, so that a search needs the database
-- for little more than the question whether that is still true (knowledge/copies).

-- At which revision of the site's knowledge the document last changed in what a search may
-- say of it. Revisions are given out under the lock on the site's row of knowledge_state,
-- which is held to the transaction's end: who sees a revision sees all changes up to it.
ALTER TABLE documents ADD COLUMN revision bigint NOT NULL DEFAULT 0;
CREATE INDEX documents_revision ON documents (site_id, revision);

-- One revision a transaction and site: a change of very many documents is one.
CREATE FUNCTION deskhand_document_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    given text := current_setting('deskhand.revision', true);
BEGIN
    IF given IS NULL OR split_part(given, ' ', 1) <> NEW.site_id::text THEN
        INSERT INTO public.knowledge_state AS s (site_id, revision) VALUES (NEW.site_id, 1)
            ON CONFLICT (site_id) DO UPDATE SET revision = s.revision + 1
            RETURNING s.revision INTO NEW.revision;
        PERFORM set_config('deskhand.revision', NEW.site_id::text || ' ' || NEW.revision, true);
    ELSE
        NEW.revision := split_part(given, ' ', 2)::bigint;
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION deskhand_document_changed FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_document_changed TO deskhand_app;

-- Whoever changes it, and by whatever statement. A version counts its document up.
CREATE TRIGGER documents_changed BEFORE UPDATE ON documents FOR EACH ROW
    WHEN ((OLD.source, OLD.title, OLD.url, OLD.visibility, OLD.channels, OLD.tags, OLD.review, OLD.version, OLD.deleted_at)
          IS DISTINCT FROM
          (NEW.source, NEW.title, NEW.url, NEW.visibility, NEW.channels, NEW.tags, NEW.review, NEW.version, NEW.deleted_at))
    EXECUTE FUNCTION deskhand_document_changed();

-- Passages, and the revision of the site's knowledge that they are of: one statement, so
-- one round trip and one state. The site is set for this statement alone, and row security
-- goes by it as it does everywhere. A site without passages of these ids gives one row
-- without one; a site without knowledge gives none.
CREATE FUNCTION deskhand_passages(site uuid, wanted bigint[])
RETURNS TABLE (revision bigint, id bigint, document_id uuid, source text, title text, url text,
               heading_path text[], anchor text, page int, lang text, text text)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, public, pg_temp
AS $$
#variable_conflict use_column
BEGIN
    PERFORM set_config('deskhand.site', site::text, true);
    RETURN QUERY
        SELECT s.revision, p.id, p.document_id, p.source, p.title, p.url, p.heading_path, p.anchor, p.page, p.lang, p.text
        FROM public.knowledge_state s
        LEFT JOIN LATERAL (
            SELECT c.id, c.document_id, d.source, d.title, d.url, c.heading_path, c.anchor, c.page, c.lang, c.text
            FROM unnest(wanted) AS w (id)
            JOIN public.chunks c ON c.id = w.id
            JOIN public.documents d ON d.id = c.document_id
        ) p ON true;
END $$;
REVOKE ALL ON FUNCTION deskhand_passages FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_passages TO deskhand_app;
