-- What banks tell of bills that they make themselves.
-- depends: 0019_automatic_repayment

CREATE TABLE feed_line (
    cell smallint NOT NULL,
    instrument_id bigint NOT NULL,
    reference text NOT NULL CHECK (length(reference) BETWEEN 1 AND 64),
    consumer_id bigint NOT NULL,
    product_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('purchase', 'instalment', 'fee', 'interest', 'refund', 'repayment', 'bill')),
    posted_on integer NOT NULL,
    due_on integer NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    currency text NOT NULL,
    text text NOT NULL,
    payment_id bigint,
    taken_at timestamptz NOT NULL,
    PRIMARY KEY (cell, instrument_id, reference)
);
CREATE INDEX feed_line_of_consumer ON feed_line (cell, consumer_id);
COMMENT ON TABLE feed_line IS 'Lines that banks gave of accounts whose products they service: each once, by the bank''s reference.';
COMMENT ON COLUMN feed_line.payment_id IS 'The payment made here that the line is about: its plan is counted, the line is not.';
