-- Vectors: which embedding models there are, the chunks' vectors by model, and which
-- model a site is searched by. A new model's vectors are built beside the old one's, in
-- a partition of their own; switching is one update.

-- Not a site's: what the operator has used. `name` tells the exact weights, `spec` how to
-- open the model again.
CREATE TABLE embedding_models (
    id            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 600),
    spec          text NOT NULL CHECK (length(spec) BETWEEN 1 AND 600),
    dimensions    int NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    at            timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT ON embedding_models TO deskhand_app;

-- Tags once more, as rows: under row security an array has no index, and a filter must
-- know how much it leaves.
CREATE TABLE document_tags (
    site_id       uuid NOT NULL,
    tag           text NOT NULL,
    document_id   uuid NOT NULL,
    PRIMARY KEY (site_id, tag, document_id),
    FOREIGN KEY (site_id, document_id) REFERENCES documents (site_id, id) ON DELETE CASCADE
);
CREATE INDEX document_tags_document ON document_tags (site_id, document_id);
CALL deskhand_tenant('document_tags');
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE document_tags NO FORCE ROW LEVEL SECURITY;
INSERT INTO document_tags (site_id, tag, document_id)
    SELECT DISTINCT d.site_id, t.tag, d.id FROM documents d, unnest(d.tags) AS t (tag);
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE document_tags FORCE ROW LEVEL SECURITY;

-- A document's chunks, and what a vector refers to.
ALTER TABLE chunks ADD CONSTRAINT chunks_of_document UNIQUE (site_id, document_id, id);
DROP INDEX chunks_document;

-- One vector a chunk and model, of unit length. A partition a model: a model that is given
-- up leaves no holes in another's index. The key serves comparing all of a site, comparing
-- the documents that a filter leaves, and deletion.
CREATE TABLE embeddings (
    site_id       uuid NOT NULL,
    document_id   uuid NOT NULL,
    chunk_id      bigint NOT NULL,
    model_id      int NOT NULL REFERENCES embedding_models (id),
    embedding     halfvec NOT NULL,
    PRIMARY KEY (site_id, document_id, chunk_id, model_id),
    FOREIGN KEY (site_id, document_id, chunk_id) REFERENCES chunks (site_id, document_id, id) ON DELETE CASCADE
) PARTITION BY LIST (model_id);
CALL deskhand_tenant('embeddings');

-- Vectors that were computed for a version that isn't live yet: what a crash, or a
-- provider that went away, needn't cost again. The swap takes them.
CREATE TABLE embedding_cache (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    model_id      int NOT NULL REFERENCES embedding_models (id),
    hash          bytea NOT NULL CHECK (octet_length(hash) = 32),
    embedding     halfvec NOT NULL,
    at            timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (site_id, model_id, hash)
);
ALTER TABLE embedding_cache ALTER COLUMN embedding SET STORAGE EXTERNAL;
CREATE INDEX embedding_cache_at ON embedding_cache (at);
CALL deskhand_tenant('embedding_cache');
CREATE POLICY system ON embedding_cache TO deskhand_system USING (true);
GRANT SELECT, DELETE ON embedding_cache TO deskhand_system;

-- A chunk with the same content has the same vector.
CREATE INDEX chunks_hash ON chunks (site_id, hash);

-- By which model the site is searched, and which one is being built. Neither: by words alone.
ALTER TABLE knowledge_state
    ADD COLUMN model_id int REFERENCES embedding_models (id),
    ADD COLUMN next_model_id int REFERENCES embedding_models (id),
    -- The models that the site has a graph of: see deskhand_vector_graph.
    ADD COLUMN graphs int[] NOT NULL DEFAULT '{}';

-- Gives a model's id; makes it known, with its partition, if it wasn't. Searches use the
-- index where a site is too large to be compared whole.
CREATE FUNCTION deskhand_embedding_model(model_name text, model_spec text, model_dimensions int) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    known record;
    part text;
BEGIN
    SELECT id, dimensions INTO known FROM public.embedding_models WHERE name = model_name;
    IF FOUND THEN
        IF known.dimensions <> model_dimensions THEN
            RAISE EXCEPTION 'the model % has % dimensions, not %', model_name, known.dimensions, model_dimensions
                USING ERRCODE = 'check_violation';
        END IF;
        -- The same weights, named in another way or moved.
        UPDATE public.embedding_models SET spec = model_spec WHERE id = known.id AND spec <> model_spec;
        RETURN known.id;
    END IF;
    -- Two that come at once take turns.
    LOCK TABLE public.embedding_models IN SHARE ROW EXCLUSIVE MODE;
    SELECT id INTO known FROM public.embedding_models WHERE name = model_name;
    IF FOUND THEN
        RETURN known.id;
    END IF;
    -- A new partition locks both tables. In the order in which an ingestion takes them, or the
    -- two could wait for each other.
    LOCK TABLE public.chunks IN SHARE ROW EXCLUSIVE MODE;
    LOCK TABLE public.embeddings IN ACCESS EXCLUSIVE MODE;
    INSERT INTO public.embedding_models (name, spec, dimensions)
        VALUES (model_name, model_spec, model_dimensions) RETURNING id INTO known;
    part := 'embeddings_' || known.id;
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.embeddings FOR VALUES IN (%s)', part, known.id);
    -- A vector of 1536 dimensions stays in its row too: comparing all of a site reads rows alone.
    EXECUTE format('ALTER TABLE public.%I ALTER COLUMN embedding SET STORAGE PLAIN', part);
    EXECUTE format('ALTER TABLE public.%I ADD CHECK (vector_dims(embedding) = %s)', part, model_dimensions);
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE public.%I FORCE ROW LEVEL SECURITY', part);
    RETURN known.id;
END $$;
REVOKE ALL ON FUNCTION deskhand_embedding_model FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_embedding_model TO deskhand_app;

-- Gives the transaction's site a graph (HNSW) of its vectors of a model. A graph of its own
-- for each large site: in a shared one a site's filter loses results or costs the more the
-- smaller its share is, and small sites need none. Best called while the vectors are few:
-- other writers of the model wait until it is built.
CREATE FUNCTION deskhand_vector_graph(model int) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    site uuid := nullif(current_setting('deskhand.site', true), '')::uuid;
    length int;
BEGIN
    SELECT dimensions INTO length FROM public.embedding_models WHERE id = model;
    IF site IS NULL OR length IS NULL THEN
        RETURN false;
    END IF;
    -- Two that come at once take turns, in the order that every change of a site's knowledge has.
    PERFORM 1 FROM public.knowledge_state WHERE site_id = site FOR UPDATE;
    EXECUTE format(
        'CREATE INDEX IF NOT EXISTS %I ON public.%I USING hnsw ((embedding::halfvec(%s)) halfvec_ip_ops)
             WITH (m = 16, ef_construction = 200) WHERE site_id = %L',
        'near_' || model || '_' || replace(site::text, '-', ''), 'embeddings_' || model, length, site);
    UPDATE public.knowledge_state SET graphs = array_append(array_remove(graphs, model), model) WHERE site_id = site;
    RETURN FOUND;
END $$;
REVOKE ALL ON FUNCTION deskhand_vector_graph FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_vector_graph TO deskhand_app;

-- Takes it away again.
CREATE FUNCTION deskhand_vector_graph_drop(model int) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    site uuid := nullif(current_setting('deskhand.site', true), '')::uuid;
BEGIN
    IF site IS NULL THEN
        RETURN false;
    END IF;
    UPDATE public.knowledge_state SET graphs = array_remove(graphs, model) WHERE site_id = site;
    EXECUTE format('DROP INDEX IF EXISTS public.%I', 'near_' || model || '_' || replace(site::text, '-', ''));
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION deskhand_vector_graph_drop FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_vector_graph_drop TO deskhand_app;

-- Vectors that no swap took; the count of those deleted.
CREATE FUNCTION deskhand_prune_embedding_cache(older_than interval) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (DELETE FROM public.embedding_cache WHERE at < now() - older_than RETURNING 1)
    SELECT count(*) FROM gone
$$;
ALTER FUNCTION deskhand_prune_embedding_cache OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_prune_embedding_cache FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_prune_embedding_cache TO deskhand_app;

-- Questions that found nothing, without personal data, for the operator to write about.
CREATE TABLE gaps (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    id            uuid NOT NULL,
    question      text NOT NULL CHECK (length(question) BETWEEN 1 AND 500),
    locale        text NOT NULL,
    at            timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);
CREATE INDEX gaps_at ON gaps (site_id, at);
CREATE INDEX gaps_age ON gaps (at);
CALL deskhand_tenant('gaps', 'SELECT, INSERT, DELETE');
CREATE POLICY system ON gaps TO deskhand_system USING (true);
GRANT SELECT, DELETE ON gaps TO deskhand_system;

-- Questions older than that; the count of those deleted.
CREATE FUNCTION deskhand_prune_gaps(older_than interval) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
    WITH gone AS (DELETE FROM public.gaps WHERE at < now() - older_than RETURNING 1) SELECT count(*) FROM gone
$$;
ALTER FUNCTION deskhand_prune_gaps OWNER TO deskhand_system;
REVOKE ALL ON FUNCTION deskhand_prune_gaps FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_prune_gaps TO deskhand_app;

-- How far a model is to be trusted with a language, measured on the site's own passages.
CREATE TABLE model_trust (
    site_id       uuid NOT NULL REFERENCES sites (id) ON DELETE CASCADE,
    model_id      int NOT NULL REFERENCES embedding_models (id),
    lang          text NOT NULL,
    trust         real NOT NULL CHECK (trust BETWEEN 0 AND 1),
    -- Of how many chunks the measured ones were taken.
    chunks        bigint NOT NULL,
    PRIMARY KEY (site_id, model_id, lang)
);
CALL deskhand_tenant('model_trust');

-- Deletes a site that an evaluation made; no other.
CREATE FUNCTION deskhand_delete_eval_site(site uuid) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    model int;
BEGIN
    PERFORM set_config('deskhand.site', site::text, true);
    PERFORM 1 FROM public.sites WHERE id = site AND slug LIKE 'eval-%';
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    FOR model IN SELECT unnest(graphs) FROM public.knowledge_state WHERE site_id = site LOOP
        PERFORM public.deskhand_vector_graph_drop(model);
    END LOOP;
    DELETE FROM public.sites WHERE id = site;
    RETURN true;
END $$;
REVOKE ALL ON FUNCTION deskhand_delete_eval_site FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deskhand_delete_eval_site TO deskhand_app;
