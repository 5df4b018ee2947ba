-- How far each table of a read model is: moved in the transaction that writes its rows.
CREATE TABLE read_models (
    table_name text   PRIMARY KEY,  -- visa_v3; visa_v3_next while it is built beside that one
    position   bigint NOT NULL,     -- its rows are what follows from the events up to here …
    built_to   uuid                 -- … of the streams up to this one, in the order of their ids; null: of all of them
);
INSERT INTO read_models (table_name, position)
SELECT known, position FROM follower, unnest('{person_v2,visa_v3,violation_v2,docket_v1}'::text[]) known
WHERE to_regclass(known) IS NOT NULL;
DROP TABLE follower;

-- Streams with an event that could not be applied: that one and those after it are kept back from the table.
CREATE TABLE set_aside (
    table_name text        NOT NULL REFERENCES read_models ON UPDATE CASCADE ON DELETE CASCADE,
    stream     uuid        NOT NULL,
    position   bigint      NOT NULL,  -- of the first event that is kept back
    reason     text        NOT NULL,  -- the class of the fault, never its words: they may quote personal data
    since      timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (table_name, stream)
);

-- Events that an operator has told to leave out of a table, for ever: building it again leaves them out, too.
CREATE TABLE skipped_events (
    table_name text        NOT NULL,  -- the live one's name: a new version takes the event in again
    position   bigint      NOT NULL,
    stream     uuid        NOT NULL,
    fault      text        NOT NULL,
    reason     text        NOT NULL,  -- the operator's
    operator   text        NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (table_name, position)
);
