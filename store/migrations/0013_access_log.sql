-- The access log by months: append-only as the record is, and what is older than it is kept for is dropped a month at a time.
ALTER TABLE access_log RENAME TO access_log_before;
DROP INDEX access_log_of_person, access_log_of_viewer;

CREATE TABLE access_log (
    id             uuid        NOT NULL DEFAULT gen_random_uuid(),  -- no index keeps it unique: nobody looks for it
    at             timestamptz NOT NULL,
    person_id      uuid,                  -- whose data was looked at; null: everybody's with an event at the positions
    viewer_id      uuid        NOT NULL,  -- the nil UUID: whoever has the command line
    operator       text,                  -- at the command line: the account on that machine
    role           text        NOT NULL,  -- the one that allowed the look
    agency         text        NOT NULL,
    purpose        text        NOT NULL,
    case_reference text,
    seen           text[]      NOT NULL,  -- kinds of data
    first_position bigint,                -- of an export: the places in the log that it covers
    last_position  bigint,
    CHECK (num_nulls(first_position, last_position) = CASE WHEN person_id IS NULL THEN 0 ELSE 2 END)
) PARTITION BY RANGE (at);
CREATE INDEX access_log_of_person ON access_log (person_id, at, id);
CREATE INDEX access_log_of_viewer ON access_log (viewer_id, at, id);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_record();

-- The net: what belongs to a month that was not made ahead. It is moved when its month is made.
CREATE TABLE access_log_default PARTITION OF access_log DEFAULT;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_log_default
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_record();

-- Makes the month (in UTC) that a moment lies in. Triggers of statements are not inherited: each month has its own.
CREATE FUNCTION make_month_of_access_log(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    begins timestamptz := date_trunc('month', moment, 'UTC');
    ends   timestamptz := (begins AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC';
    month  text        := 'access_log_' || to_char(begins AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(month) IS NOT NULL THEN
        RETURN;
    END IF;
    -- The whole log: who had chosen the net already, and waited for that alone, would then be refused by it.
    LOCK TABLE ONLY access_log, access_log_default IN ACCESS EXCLUSIVE MODE;
    IF to_regclass(month) IS NOT NULL THEN  -- another process has made it meanwhile
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE access_log INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', month);
    IF EXISTS (SELECT FROM access_log_default WHERE at >= begins AND at < ends) THEN
        ALTER TABLE access_log_default DISABLE TRIGGER append_only;
        EXECUTE format('WITH moved AS (DELETE FROM access_log_default WHERE at >= %L AND at < %L RETURNING *)
            INSERT INTO %I SELECT * FROM moved', begins, ends, month);
        ALTER TABLE access_log_default ENABLE TRIGGER append_only;
    END IF;
    EXECUTE format('ALTER TABLE access_log ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', month, begins, ends);
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_record()', month);
END
$$;

SELECT make_month_of_access_log(month)
FROM (SELECT DISTINCT date_trunc('month', at, 'UTC') AS month FROM access_log_before) months;
INSERT INTO access_log (id, at, person_id, viewer_id, role, agency, purpose, case_reference, seen)
SELECT id, at, person_id, viewer_id, role, agency, purpose, case_reference, seen FROM access_log_before;
DROP TABLE access_log_before;

-- Who listens, or did within a day: a NOTIFY makes the transactions that send one commit one after another, so that others are
-- spared it.
CREATE TABLE data_read_listeners (
    person_id uuid        PRIMARY KEY,
    until     timestamptz NOT NULL
);
CREATE INDEX data_read_listeners_until ON data_read_listeners (until);

-- Says whose data was looked at to who listens: `*` for everybody's. A payload may have 8,000 bytes: 200 people have 7,400.
CREATE FUNCTION tell_whose_data_was_read() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('sijil_data_read', string_agg(person, ' '))
    FROM (
        SELECT person, (row_number() OVER () - 1) / 200 AS payload
        FROM (
            SELECT person_id::text AS person FROM looked JOIN data_read_listeners USING (person_id)
            UNION SELECT '*' FROM looked WHERE person_id IS NULL
        ) listening
    ) people
    GROUP BY payload;
    RETURN NULL;
END
$$;
CREATE TRIGGER data_read AFTER INSERT ON access_log REFERENCING NEW TABLE AS looked
    FOR EACH STATEMENT EXECUTE FUNCTION tell_whose_data_was_read();

-- Since when an import is done: what it refused is kept for some time.
ALTER TABLE imports ADD COLUMN done_at timestamptz;
UPDATE imports SET done_at = now() WHERE done;
CREATE INDEX imports_done_at ON imports (done_at);
