-- Statements of lines in our books.
-- depends: 0007_metering_and_admission

CREATE TABLE statement (
    cell smallint NOT NULL,
    consumer_id bigint NOT NULL,
    product_id bigint NOT NULL,
    line_no smallint NOT NULL,
    cycle integer NOT NULL,
    instrument_id bigint NOT NULL,
    account_id bigint NOT NULL,
    currency text NOT NULL,
    statement_on integer NOT NULL,
    due_on integer NOT NULL,
    first_seq bigint NOT NULL,
    last_seq bigint NOT NULL,
    opening_minor bigint NOT NULL,
    purchases_minor bigint NOT NULL,
    fees_minor bigint NOT NULL,
    late_fees_minor bigint NOT NULL,
    interest_minor bigint NOT NULL,
    refunds_minor bigint NOT NULL,
    repayments_minor bigint NOT NULL,
    other_minor bigint NOT NULL,
    closing_minor bigint NOT NULL,
    late_fees_owed_minor bigint NOT NULL,
    interest_owed_minor bigint NOT NULL,
    overdue_minor bigint NOT NULL,
    instalments_due_minor bigint NOT NULL,
    purchases_due_minor bigint NOT NULL,
    due_minor bigint NOT NULL,
    minimum_minor bigint NOT NULL,
    made_at timestamptz NOT NULL,
    PRIMARY KEY (cell, consumer_id, product_id, line_no, cycle),
    CONSTRAINT statement_adds_up CHECK (closing_minor = opening_minor + purchases_minor + fees_minor + late_fees_minor
        + interest_minor - refunds_minor - repayments_minor + other_minor),
    CONSTRAINT statement_due_is_its_parts CHECK (due_minor = late_fees_owed_minor + interest_owed_minor + overdue_minor
        + instalments_due_minor + purchases_due_minor),
    CONSTRAINT statement_due_is_owed CHECK (due_minor BETWEEN 0 AND greatest(closing_minor, 0)),
    CONSTRAINT statement_minimum_within CHECK (minimum_minor BETWEEN 0 AND due_minor),
    CONSTRAINT statement_range CHECK (first_seq >= 1 AND last_seq >= first_seq - 1),
    CONSTRAINT statement_cycle_is_its_month CHECK (cycle = statement_on / 100)
);
COMMENT ON TABLE statement IS 'What one line owes at the end of one cycle. Its key makes billing twice impossible; it is never changed.';
COMMENT ON COLUMN statement.cycle IS 'Year and month of the statement day, as yyyymm; days are yyyymmdd.';
COMMENT ON COLUMN statement.last_seq IS 'The entries first_seq to last_seq of the account are in this statement; none where last_seq is before first_seq.';
COMMENT ON COLUMN statement.other_minor IS 'What else moved, positive where it raised the debt.';
COMMENT ON CONSTRAINT statement_due_is_owed ON statement IS 'Instalments of later cycles are owed and not due.';

CREATE TABLE statement_run (
    cell smallint NOT NULL,
    product_id bigint NOT NULL,
    cycle integer NOT NULL,
    after_consumer_id bigint NOT NULL,
    after_line_no smallint NOT NULL,
    lines_seen bigint NOT NULL,
    statements bigint NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (cell, product_id, cycle)
);
COMMENT ON TABLE statement_run IS 'How far the making of one cell''s statements has come: moved in the transaction that writes them.';
