-- What visitors think of answers is kept as messages are: placeholders where personal data stood,
-- the values sealed beside them, and a keyed hash of each address, by which a person is found.
ALTER TABLE feedback ADD COLUMN sealed bytea CHECK (octet_length(sealed) <= 65536);
ALTER TABLE feedback ADD COLUMN addresses bytea[] NOT NULL DEFAULT '{}'
    CHECK (coalesce(array_length(addresses, 1), 0) <= 1000);
-- A placeholder can be longer than what it stands for.
ALTER TABLE feedback DROP CONSTRAINT feedback_comment_check;
ALTER TABLE feedback ADD CONSTRAINT feedback_comment_check CHECK (length(comment) <= 16000);

-- What processes remember of a site ends when it is changed.
CREATE FUNCTION deskhand_site_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('deskhand_site', NEW.id::text);
    RETURN NULL;
END $$;
CREATE TRIGGER site_changed AFTER UPDATE ON sites FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION deskhand_site_changed();
