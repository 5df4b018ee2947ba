-- Hashes of the passwords before the present one, newest first.
ALTER TABLE credentials ADD COLUMN previous text[] NOT NULL DEFAULT '{}';

-- Sign-ins that did not succeed, per account or per name that nobody has: `subject` is the HMAC of either.
CREATE TABLE sign_ins (
    subject       bytea         PRIMARY KEY,
    person_id     uuid,                              -- null: nobody has the name
    tried         timestamptz[] NOT NULL DEFAULT '{}',  -- count towards a lock, oldest first
    admitted      boolean       NOT NULL DEFAULT true,  -- the last one was, not being locked out
    locked_until  timestamptz,
    lock_recorded boolean       NOT NULL DEFAULT true,
    refused       integer       NOT NULL DEFAULT 0,  -- those that the record does not have yet
    refused_first timestamptz,
    refused_last  timestamptz   NOT NULL
);
CREATE INDEX sign_ins_refused_last ON sign_ins (refused_last);
CREATE INDEX sign_ins_unrecorded ON sign_ins (refused_last, subject) WHERE person_id IS NOT NULL AND refused > 0;

-- What else is limited: when it was tried, oldest first, by whom or from where (an HMAC).
CREATE TABLE attempts (
    kind       text          NOT NULL,
    subject    bytea         NOT NULL,
    times      timestamptz[] NOT NULL,
    counts_to  timestamptz   NOT NULL,               -- nothing of it counts any more
    PRIMARY KEY (kind, subject)
);
CREATE INDEX attempts_counts_to ON attempts (counts_to);

-- What waits for a code, or was confirmed by one.
CREATE TABLE challenges (
    id         uuid        PRIMARY KEY,
    person_id  uuid,                                 -- null: nobody, whatever the code
    subject    bytea       NOT NULL,                 -- whose codes are counted
    purpose    text        NOT NULL,
    code       bytea       NOT NULL,                 -- HMAC of id and code
    sent_to    text        NOT NULL,                 -- as it may be shown
    channel    text        NOT NULL,
    box        bytea,                                -- what is to be done, under the person's key
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    tries_left integer     NOT NULL,
    used_at    timestamptz
);
CREATE INDEX challenges_of_person ON challenges (person_id);
CREATE INDEX challenges_expires_at ON challenges (expires_at);

CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    person_id    uuid        NOT NULL,
    started_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL,
    ended_at     timestamptz,
    generation   integer     NOT NULL DEFAULT 0,     -- of its refresh token
    refreshed_at timestamptz NOT NULL
);
CREATE INDEX sessions_of_person ON sessions (person_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ends_at ON sessions (ends_at);

CREATE TABLE refresh_tokens (
    digest     bytea   PRIMARY KEY,
    session_id uuid    NOT NULL REFERENCES sessions ON DELETE CASCADE,
    generation integer NOT NULL
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Messages to people; their text is wiped once they are sent.
CREATE TABLE outbox (
    number      bigint      GENERATED ALWAYS AS IDENTITY,  -- in the order in which they were written
    id          uuid        PRIMARY KEY,
    person_id   uuid        NOT NULL,
    kind        text        NOT NULL,
    channel     text        NOT NULL,
    language    text        NOT NULL,
    box         bytea,                               -- to whom and what, under the person's key
    state       text        NOT NULL DEFAULT 'WAITING' CHECK (state IN ('WAITING', 'SENT', 'EXPIRED', 'DEAD')),
    tries       integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    next_try_at timestamptz NOT NULL,
    expires_at  timestamptz,                         -- of no use afterwards
    ended_at    timestamptz,
    fault       text
);
CREATE INDEX outbox_waiting ON outbox (channel, next_try_at) WHERE state = 'WAITING';
CREATE INDEX outbox_kept ON outbox (created_at, id) WHERE box IS NOT NULL;
CREATE INDEX outbox_created_at ON outbox (created_at, id);
CREATE INDEX outbox_of_person ON outbox (person_id);

-- Agencies' programs, and the assertions they have shown: each counts once.
CREATE TABLE clients (
    id         text        PRIMARY KEY,
    agency     text        NOT NULL,
    public_key text        NOT NULL,                 -- JWK
    added_at   timestamptz NOT NULL,
    removed_at timestamptz
);
CREATE TABLE client_assertions (
    digest     bytea       PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX client_assertions_expires_at ON client_assertions (expires_at);
