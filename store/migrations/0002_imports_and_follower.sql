-- Feeds that were imported, known by their content: the same file again records nothing, a killed import goes on.
CREATE TABLE imports (
    sha256     bytea       PRIMARY KEY,
    file       text        NOT NULL,
    backdate   boolean     NOT NULL,
    agency     text,                             -- who reports it; null: each line says so itself
    shift_days integer     NOT NULL DEFAULT 0,   -- added to every time in the file
    next_line  bigint      NOT NULL DEFAULT 1,
    clock_day  date,                             -- everything that fell due until this day is recorded
    position   bigint      NOT NULL DEFAULT 0,   -- the log's, when the last batch was recorded
    recorded   bigint      NOT NULL DEFAULT 0,
    repeated   bigint      NOT NULL DEFAULT 0,
    done       boolean     NOT NULL DEFAULT false
);

CREATE TABLE import_refusals (
    sha256    bytea  NOT NULL REFERENCES imports ON DELETE CASCADE,
    line      bigint NOT NULL,
    operation text   NOT NULL,
    code      text   NOT NULL,
    message   text   NOT NULL,
    PRIMARY KEY (sha256, line)
);

-- How far the read models have come: moved in the transaction that writes their rows.
CREATE TABLE follower (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    position bigint  NOT NULL
);
INSERT INTO follower (position) VALUES (0);
