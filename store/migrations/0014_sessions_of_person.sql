-- Ended sessions of a person are asked for, too: in a copy of their data, and by erasure.
DROP INDEX sessions_of_person;
CREATE INDEX sessions_of_person ON sessions (person_id, started_at, id);
