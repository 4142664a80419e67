-- Automatic repayment from linked cards: what consumers have agreed to, and what their cards were asked for.
-- depends: 0018_reminders

CREATE TABLE repayment_consent (
    cell smallint NOT NULL,
    consent_id bigint NOT NULL,
    instrument_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    methods bigint[] NOT NULL CHECK (cardinality(methods) BETWEEN 1 AND 5),
    partial boolean NOT NULL,
    consent_sha256 bytea NOT NULL CHECK (octet_length(consent_sha256) = 32),
    consented_at timestamptz NOT NULL,
    PRIMARY KEY (cell, consent_id)
);
CREATE INDEX repayment_consent_of_line ON repayment_consent (cell, instrument_id);
COMMENT ON TABLE repayment_consent IS 'Every agreement to automatic repayment of a line; the newest is what holds while the line repays by itself.';
COMMENT ON COLUMN repayment_consent.methods IS 'In the order in which they are tried: 0 is the balance, else a linked card.';

CREATE TABLE bill_charge (
    cell smallint NOT NULL,
    charge_id bigint NOT NULL,
    instrument_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    card_id bigint NOT NULL,
    lender_id bigint NOT NULL,
    day integer NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    order_id bigint,
    status text NOT NULL CHECK (status IN ('due', 'asked', 'declined', 'applied')),
    reason text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (cell, charge_id),
    UNIQUE (cell, instrument_id, day, card_id),
    CONSTRAINT bill_charge_asked_by_an_order CHECK (status IN ('due', 'declined') OR order_id IS NOT NULL)
);
COMMENT ON TABLE bill_charge IS 'What a card was asked to pay of a bill: once a card and day, by an order of the lender.';
CREATE INDEX bill_charge_waiting ON bill_charge (created_at) WHERE status IN ('due', 'asked');
