-- People whose personal values are gone: their key, and everything that was kept beside the record.
CREATE TABLE erasures (
    person_id    uuid        PRIMARY KEY,
    position     bigint      NOT NULL,               -- of the fact
    at           timestamptz NOT NULL,
    blobs        bytea[]     NOT NULL DEFAULT '{}',  -- files that may still be in the folder
    waits_for    jsonb,                              -- tables to be written anew → their files; null: not looked at yet
    rewritten_at timestamptz                         -- no table and no file holds a value any more
);
CREATE INDEX erasures_position ON erasures (position);
CREATE INDEX erasures_waiting ON erasures (position) WHERE rewritten_at IS NULL;

-- The file of erasures outside the database was begun: from then on it must be there.
ALTER TABLE installation ADD COLUMN erasures_kept boolean NOT NULL DEFAULT false;

-- ANALYZE keeps examples of a column's values in the catalogue, where no erasure reaches them. To give a column its own type
-- drops what was kept; all of these are looked up by unique keys, or not at all.
ALTER TABLE person_keys ALTER wrapped TYPE bytea, ALTER wrapped SET STATISTICS 0;
ALTER TABLE claims ALTER digest TYPE bytea, ALTER digest SET STATISTICS 0;
ALTER TABLE credentials ALTER password_hash TYPE text, ALTER password_hash SET STATISTICS 0,
    ALTER previous TYPE text[], ALTER previous SET STATISTICS 0;
ALTER TABLE challenges ALTER sent_to TYPE text, ALTER sent_to SET STATISTICS 0, ALTER box TYPE bytea, ALTER box SET STATISTICS 0;
ALTER TABLE outbox ALTER box TYPE bytea, ALTER box SET STATISTICS 0;
ALTER TABLE blobs ALTER sha256 TYPE bytea, ALTER sha256 SET STATISTICS 0;
ALTER TABLE challenges ALTER subject TYPE bytea, ALTER subject SET STATISTICS 0;
ALTER TABLE sign_ins ALTER subject TYPE bytea, ALTER subject SET STATISTICS 0;
ALTER TABLE attempts ALTER subject TYPE bytea, ALTER subject SET STATISTICS 0;
ALTER TABLE erasures ALTER blobs SET STATISTICS 0;

-- The same of read models that were made before.
ALTER TABLE IF EXISTS person_v2
    ALTER national_id TYPE text, ALTER national_id SET STATISTICS 0, ALTER username TYPE text, ALTER username SET STATISTICS 0,
    ALTER mobile TYPE text, ALTER mobile SET STATISTICS 0, ALTER email TYPE text, ALTER email SET STATISTICS 0;
ALTER TABLE IF EXISTS visa_v3 ALTER passport_number TYPE text, ALTER passport_number SET STATISTICS 0;
ALTER TABLE IF EXISTS violation_v2
    ALTER plate TYPE text, ALTER plate SET STATISTICS 0,
    ALTER objection_statement TYPE text, ALTER objection_statement SET STATISTICS 0,
    ALTER appeal_grounds TYPE text, ALTER appeal_grounds SET STATISTICS 0;
DROP INDEX IF EXISTS person_v2_2;  -- examples are kept of what it computes, too: it is made again at the next start
DELETE FROM read_models WHERE table_name LIKE '%\_next';  -- what was not finished is begun again
