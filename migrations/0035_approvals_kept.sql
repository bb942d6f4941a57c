-- Which text of a document was approved last, by a person or since nobody had to: where the same text
-- comes back, after it was away or in other bytes, it needs no second approval. A hash of the live
-- version's Markdown; forgotten with the document.
ALTER TABLE documents ADD COLUMN approved_text bytea CHECK (octet_length(approved_text) = 32);
ALTER TABLE documents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE versions NO FORCE ROW LEVEL SECURITY;
UPDATE documents d SET approved_text = sha256(convert_to(v.markdown, 'UTF8'))
    FROM versions v
    WHERE v.site_id = d.site_id AND v.document_id = d.id AND v.state = 'live' AND d.review = 'approved';
ALTER TABLE documents FORCE ROW LEVEL SECURITY;
ALTER TABLE versions FORCE ROW LEVEL SECURITY;
