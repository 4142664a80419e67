-- The audit of the ledger as an offline job: how far it is, and what it has added up so far.
-- depends: 0014_rehearsal

CREATE TABLE ledger_walk (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    phase text NOT NULL CHECK (phase IN ('transfers', 'accounts', 'rest', 'done')),
    horizon_id bigint NOT NULL,
    cell smallint NOT NULL,
    after_id bigint NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    balance_minor bigint NOT NULL DEFAULT 0,
    old_sides bigint NOT NULL DEFAULT 0,
    old_minor bigint NOT NULL DEFAULT 0,
    broken bigint NOT NULL DEFAULT 0,
    offenders_count bigint NOT NULL DEFAULT 0,
    first_offender text NOT NULL DEFAULT '',
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz
) WITH (fillfactor = 50);
COMMENT ON TABLE ledger_walk IS 'Where the walk through the ledger is. It goes on here, whoever ended it.';
COMMENT ON COLUMN ledger_walk.horizon_id IS 'Transfers below it were all committed when the walk began.';
COMMENT ON COLUMN ledger_walk.seq IS 'The last entry looked at of an account that is walked in pieces; balance, sides and breaks up to it follow.';

CREATE TABLE ledger_walk_side (
    account_id bigint PRIMARY KEY,
    amount_minor bigint NOT NULL,
    sides bigint NOT NULL
) WITH (fillfactor = 70);
COMMENT ON TABLE ledger_walk_side IS 'What the transfers below the horizon come to, for accounts that have not been compared with it yet.';
