-- Which master key wraps (`fingerprint`) is the database's word: processes that have another one in memory are told so.
-- What values are looked up by does not follow from it any more, so that it can be replaced.
ALTER TABLE installation
    ADD COLUMN lookup             bytea,  -- the lookup keys, wrapped; null: they follow from the master key, and are noted at the next start
    ADD COLUMN lookup_fingerprint text;   -- of them, whatever wraps them: a key backup is of the installation that has the same

-- While this statement's transaction is open the master key stays the present one: when it is replaced, no key that the one
-- before has wrapped comes afterwards.
CREATE FUNCTION refuse_another_master_key() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present bytea;
BEGIN
    SELECT substr(decode(fingerprint, 'hex'), 1, 8) INTO present FROM installation FOR SHARE;
    IF EXISTS (SELECT FROM added WHERE substr(wrapped, 1, 8) <> present) THEN
        RAISE EXCEPTION 'the keys of people are wrapped by the present master key only' USING ERRCODE = 'SIJ01';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER wrapped_by_the_present_key AFTER INSERT ON person_keys REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_another_master_key();
