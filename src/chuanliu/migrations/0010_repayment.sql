-- Repayment of bills: charges owed, automatic repayment, dunning, hardship.
-- depends: 0009_quotes_by_code

CREATE TABLE line_standing (
    cell smallint NOT NULL,
    instrument_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    late_fees_owed_minor bigint NOT NULL,
    interest_owed_minor bigint NOT NULL,
    late_cycle integer NOT NULL,
    penalty_until integer NOT NULL,
    dunned_cycle integer NOT NULL,
    dunned_days integer NOT NULL,
    auto_repay boolean NOT NULL,
    spared_until integer NOT NULL,
    collected_on integer NOT NULL,
    PRIMARY KEY (cell, instrument_id),
    CONSTRAINT line_standing_not_negative CHECK (late_fees_owed_minor >= 0 AND interest_owed_minor >= 0)
) WITH (fillfactor = 80);
COMMENT ON TABLE line_standing IS 'What a line owes besides its plans, and how far it was charged and reminded. Days are yyyymmdd, 0 for never.';
COMMENT ON COLUMN line_standing.late_cycle IS 'The statement for which the last late fee was charged: one fee for each.';
COMMENT ON COLUMN line_standing.spared_until IS 'Until then a hardship plan spares charges.';

CREATE TABLE bill_notice (
    cell smallint NOT NULL,
    instrument_id bigint NOT NULL,
    cycle integer NOT NULL,
    days integer NOT NULL,
    consumer_id bigint NOT NULL,
    template text NOT NULL,
    due_minor bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cell, instrument_id, cycle, days)
);
CREATE INDEX bill_notice_of_consumer ON bill_notice (cell, consumer_id);

CREATE TABLE hardship (
    cell smallint NOT NULL,
    hardship_id bigint NOT NULL,
    instrument_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    months smallint NOT NULL CHECK (months BETWEEN 1 AND 60),
    rescheduled_minor bigint NOT NULL CHECK (rescheduled_minor > 0),
    consent_sha256 bytea NOT NULL CHECK (octet_length(consent_sha256) = 32),
    consented_at timestamptz NOT NULL,
    PRIMARY KEY (cell, hardship_id)
);
CREATE INDEX statement_due ON statement (due_on) WHERE due_minor > 0;
