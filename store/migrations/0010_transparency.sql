-- The Merkle tree over the log's entries, in tiles of up to 256 hashes of 32 bytes; a narrower tile is the beginning of its row.
CREATE TABLE tiles (
    level  smallint NOT NULL,  -- 0: leaves; above: roots of full tiles of the level below
    index  bigint   NOT NULL,
    hashes bytea    NOT NULL CHECK (length(hashes) % 32 = 0 AND length(hashes) BETWEEN 32 AND 8192),
    PRIMARY KEY (level, index)
);
ALTER TABLE tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;  -- hashes do not get smaller

-- What was signed. The last one is kept outside the database, too.
CREATE TABLE checkpoints (
    size      bigint      PRIMARY KEY CHECK (size >= 0),
    root      bytea       NOT NULL,
    signed_at timestamptz NOT NULL,
    note      text        NOT NULL  -- the C2SP tlog-checkpoint; signed again when the keys are others
);
