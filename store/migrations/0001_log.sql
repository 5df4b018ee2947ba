-- The log. Its first five columns carry the names of eventsourcing's PostgreSQL recorder, so that a stock Application reads it.
CREATE TABLE sijil_events (
    notification_id    bigint      NOT NULL PRIMARY KEY CHECK (notification_id > 0),  -- the position: contiguous from 1
    originator_version bigint      NOT NULL CHECK (originator_version > 0),
    originator_id      uuid        NOT NULL,                                          -- the stream
    topic              text        NOT NULL,
    state              bytea       NOT NULL,
    recorded_at        timestamptz NOT NULL,
    UNIQUE (originator_id, originator_version)
);

CREATE FUNCTION refuse_to_change_the_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the record is append-only: % of % is refused', tg_op, tg_table_name
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sijil_events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change_the_record();

-- Every append locks this one row: it orders the positions and the times at which they were recorded.
CREATE TABLE log_head (
    one         boolean     PRIMARY KEY DEFAULT true CHECK (one),
    position    bigint      NOT NULL,
    recorded_at timestamptz            -- of the last event; null while there is none
);
INSERT INTO log_head (position) VALUES (0);

-- What belongs to one stream only (a national ID, a username …), known by its HMAC.
CREATE TABLE claims (
    kind   text  NOT NULL,
    digest bytea NOT NULL,
    owner  uuid  NOT NULL,
    PRIMARY KEY (kind, digest)
);
CREATE INDEX claims_owner ON claims (owner);

-- Commands that were recorded: HMAC of scope and key → HMAC of the input, and the position of the command's last event.
CREATE TABLE command_ids (
    digest   bytea  PRIMARY KEY,
    input    bytea  NOT NULL,
    position bigint NOT NULL
);

-- One data key per person, wrapped by the master key. Deleting the row destroys the person's data in the record.
CREATE TABLE person_keys (
    person_id uuid  PRIMARY KEY,
    wrapped   bytea NOT NULL
);

-- The first day on which something falls due on a stream.
CREATE TABLE due (
    stream uuid PRIMARY KEY,
    on_day date NOT NULL
);
CREATE INDEX due_on_day ON due (on_day, stream);

CREATE TABLE credentials (
    person_id     uuid PRIMARY KEY,
    password_hash text NOT NULL
);

-- The master key that this database's keys are wrapped by, known by its fingerprint.
CREATE TABLE installation (
    one         boolean PRIMARY KEY DEFAULT true CHECK (one),
    fingerprint text    NOT NULL
);
