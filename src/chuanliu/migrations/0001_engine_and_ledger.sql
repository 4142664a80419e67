-- Engine and ledger. Every key starts with `cell`; amounts are minor units; instants are timestamptz.
-- depends:

CREATE TABLE reference_version (
    cell smallint NOT NULL PRIMARY KEY CHECK (cell = 0),
    version bigint NOT NULL
);
COMMENT ON TABLE reference_version IS 'One row, raised with every change of reference data; each batch reads it first.';
INSERT INTO reference_version (cell, version) VALUES (0, 1);

CREATE TABLE worker_lease (
    cell smallint NOT NULL DEFAULT 0,
    worker smallint NOT NULL CHECK (worker BETWEEN 0 AND 255),
    holder text NOT NULL,
    until_millis bigint NOT NULL,
    PRIMARY KEY (cell, worker)
);
COMMENT ON COLUMN worker_lease.until_millis IS 'Ids with this worker number are never later than this; the next holder starts behind it.';

CREATE TABLE batch_marker (
    cell smallint NOT NULL DEFAULT 0,
    batch_id bigint NOT NULL,
    PRIMARY KEY (cell, batch_id)
);
COMMENT ON TABLE batch_marker IS 'One row a batch, in its transaction: tells after a lost connection whether COMMIT took effect.';

CREATE TABLE idempotency (
    cell smallint NOT NULL,
    merchant_id bigint NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    fields bytea NOT NULL,
    outcome bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cell, merchant_id, operation, key)
);
CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE outbox (
    cell smallint NOT NULL,
    event_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    kind text NOT NULL,
    subject_id bigint NOT NULL,
    notify_url text,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cell, event_id)
) PARTITION BY RANGE (event_id);
CREATE TABLE outbox_default PARTITION OF outbox DEFAULT;
COMMENT ON COLUMN outbox.cell IS 'The merchant''s cell, which is also that of the event made from it.';

CREATE TABLE dispatch_state (
    cell smallint NOT NULL PRIMARY KEY CHECK (cell = 0),
    last_seq bigint NOT NULL
);
INSERT INTO dispatch_state (cell, last_seq) VALUES (0, 0);

CREATE TABLE event (
    cell smallint NOT NULL,
    merchant_id bigint NOT NULL,
    seq bigint NOT NULL,
    event_id bigint NOT NULL,
    kind text NOT NULL,
    subject_id bigint NOT NULL,
    payload bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cell, merchant_id, seq, event_id)
) PARTITION BY RANGE (event_id);
CREATE TABLE event_default PARTITION OF event DEFAULT;

CREATE TABLE escrow_stripe (
    cell smallint NOT NULL,
    budget_id bigint NOT NULL,
    stripe smallint NOT NULL,
    available_minor bigint NOT NULL,
    PRIMARY KEY (cell, budget_id, stripe),
    CONSTRAINT escrow_never_overspent CHECK (available_minor >= 0)
) WITH (fillfactor = 70);

CREATE TABLE account (
    cell smallint NOT NULL,
    account_id bigint NOT NULL,
    mode text NOT NULL CHECK (mode IN ('checked', 'buffered')),
    status text NOT NULL CHECK (status IN ('open', 'blocked', 'closed')),
    floor_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    held_minor bigint NOT NULL,
    entry_count bigint NOT NULL,
    opened_at timestamptz NOT NULL,
    PRIMARY KEY (cell, account_id),
    CONSTRAINT account_above_floor CHECK (mode = 'buffered' OR balance_minor - held_minor >= floor_minor),
    CONSTRAINT account_held_not_negative CHECK (held_minor >= 0),
    CONSTRAINT account_buffered_holds_nothing CHECK (mode = 'checked' OR held_minor = 0)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
COMMENT ON CONSTRAINT account_above_floor ON account IS 'What a checked account can dispose of never falls below its floor.';

CREATE TABLE transfer (
    cell smallint NOT NULL,
    transfer_id bigint NOT NULL,
    debit_account_id bigint NOT NULL,
    credit_account_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    kind text NOT NULL,
    subject_id bigint NOT NULL,
    posted_at timestamptz NOT NULL,
    PRIMARY KEY (cell, transfer_id),
    CONSTRAINT transfer_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT transfer_two_accounts CHECK (debit_account_id <> credit_account_id),
    CONSTRAINT transfer_one_currency CHECK (debit_account_id & 1023 = credit_account_id & 1023)
) PARTITION BY RANGE (transfer_id);
COMMENT ON CONSTRAINT transfer_one_currency ON transfer IS 'The low ten bits of an account id are its ISO 4217 number.';
CREATE TABLE transfer_default PARTITION OF transfer DEFAULT;

CREATE TABLE entry (
    cell smallint NOT NULL,
    account_id bigint NOT NULL,
    seq bigint NOT NULL,
    transfer_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    PRIMARY KEY (cell, account_id, seq, transfer_id),
    CONSTRAINT entry_amount_not_zero CHECK (amount_minor <> 0)
) PARTITION BY RANGE (transfer_id);
COMMENT ON TABLE entry IS 'One side of a transfer: credits positive, debits negative, with the running balance after it.';
CREATE TABLE entry_default PARTITION OF entry DEFAULT;

CREATE TABLE delta (
    cell smallint NOT NULL,
    account_id bigint NOT NULL,
    transfer_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (cell, account_id, transfer_id)
) PARTITION BY RANGE (transfer_id);
COMMENT ON TABLE delta IS 'The side of a transfer on a buffered account until the folder makes it an entry; in the writer''s cell.';
CREATE TABLE delta_default PARTITION OF delta DEFAULT;

CREATE TABLE hold (
    cell smallint NOT NULL,
    hold_id bigint NOT NULL,
    account_id bigint NOT NULL,
    credit_account_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    posted_minor bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'posted', 'voided', 'expired')),
    kind text NOT NULL,
    subject_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (cell, hold_id),
    CONSTRAINT hold_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT hold_posted_within CHECK (posted_minor BETWEEN 0 AND amount_minor)
);
CREATE INDEX hold_due ON hold (expires_at) WHERE status = 'active';
CREATE INDEX hold_active ON hold (cell, account_id) WHERE status = 'active';
