-- Who looked at whose data in an official role, when and for what purpose: written by the statement that reads.
CREATE TABLE access_log (
    id             uuid        PRIMARY KEY DEFAULT gen_random_uuid(),
    at             timestamptz NOT NULL,
    person_id      uuid        NOT NULL,  -- whose data was looked at
    viewer_id      uuid        NOT NULL,
    role           text        NOT NULL,  -- the one that allowed the look
    agency         text        NOT NULL,
    purpose        text        NOT NULL,
    case_reference text,
    seen           text[]      NOT NULL   -- kinds of data
);
CREATE INDEX access_log_of_person ON access_log (person_id, at, id);
CREATE INDEX access_log_of_viewer ON access_log (viewer_id, at, id);
