-- Whose files the folder of blobs holds; a file without a row is swept away. The same content may be several people's.
CREATE TABLE blobs (
    sha256    bytea NOT NULL,
    person_id uuid  NOT NULL,  -- with whose case it goes: erased with them
    PRIMARY KEY (sha256, person_id)
);
CREATE INDEX blobs_of_person ON blobs (person_id);
