-- Quotes, instalment plans, calls to banks.
-- depends: 0005_campaigns

ALTER TABLE orders ADD COLUMN wish bytea;
COMMENT ON COLUMN orders.wish IS 'Which ways to pay the merchant allows, how many instalments, who bears their fee: JSON.';

ALTER TABLE payment_leg ADD COLUMN instrument_id bigint;
COMMENT ON COLUMN payment_leg.instrument_id IS 'The payer''s card or credit line; null for the balance.';

ALTER TABLE refund
    ADD COLUMN plan_fee_minor bigint NOT NULL DEFAULT 0,
    ADD COLUMN subsidy_minor bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT refund_of_plan_not_negative CHECK (plan_fee_minor >= 0 AND subsidy_minor >= 0);
COMMENT ON COLUMN refund.plan_fee_minor IS 'What the payer got back of a plan''s fee.';
COMMENT ON COLUMN refund.subsidy_minor IS 'What sponsors of a plan got back, together.';

CREATE TABLE quote (
    cell smallint NOT NULL,
    quote_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    order_id bigint,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('offered', 'confirmed', 'used', 'released')),
    choice integer CHECK (choice >= 0),
    offers bytea NOT NULL,
    sponsors bigint[] NOT NULL,
    shares bigint[] NOT NULL,
    reserved_at timestamptz,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (cell, quote_id),
    CONSTRAINT quote_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT quote_choice_when_confirmed CHECK (status = 'offered' OR choice IS NOT NULL),
    CONSTRAINT quote_reserved_when_confirmed CHECK (status NOT IN ('confirmed', 'released') OR reserved_at IS NOT NULL),
    CONSTRAINT quote_lists_match CHECK (cardinality(sponsors) = cardinality(shares))
) WITH (fillfactor = 80);
COMMENT ON COLUMN quote.choice IS 'Position of the confirmed offer.';
COMMENT ON COLUMN quote.shares IS 'What a confirmed quote holds on the budgets of its sponsors, until it is used or released.';
COMMENT ON COLUMN quote.reserved_at IS 'When that was taken: uses of a day are given back to the day on which they were counted.';
CREATE INDEX quote_due ON quote (expires_at) WHERE status = 'confirmed';
CREATE INDEX quote_old ON quote (expires_at) WHERE status <> 'confirmed';

CREATE TABLE plan (
    cell smallint NOT NULL,
    plan_id bigint NOT NULL,
    payment_id bigint NOT NULL,
    order_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    lender_id bigint NOT NULL,
    product_id bigint NOT NULL,
    instrument_id bigint NOT NULL,
    funding text NOT NULL CHECK (funding IN ('external', 'own')),
    currency text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'active', 'completed', 'refunded', 'void')),
    instalments smallint NOT NULL CHECK (instalments BETWEEN 1 AND 360),
    principal_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    buyer_fee_minor bigint NOT NULL,
    buyer_fee_returned_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    due_on bigint[] NOT NULL,
    principals bigint[] NOT NULL,
    fees bigint[] NOT NULL,
    repaid bigint[] NOT NULL,
    campaign_ids bigint[] NOT NULL,
    sponsors bigint[] NOT NULL,
    subsidies bigint[] NOT NULL,
    returned bigint[] NOT NULL,
    waived bigint[] NOT NULL,
    caps bigint[] NOT NULL,
    refund_policy text NOT NULL CHECK (refund_policy IN ('from-the-last', 'evenly')),
    fee_refunded boolean NOT NULL,
    fee_spared boolean NOT NULL,
    reserved_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (cell, plan_id),
    CONSTRAINT plan_amounts CHECK (principal_minor > 0 AND fee_minor >= 0 AND buyer_fee_minor BETWEEN 0 AND fee_minor),
    CONSTRAINT plan_refund_within CHECK (refunded_minor BETWEEN 0 AND principal_minor),
    CONSTRAINT plan_fee_returned_within CHECK (buyer_fee_returned_minor BETWEEN 0 AND buyer_fee_minor),
    CONSTRAINT plan_lists_match CHECK (cardinality(due_on) = instalments AND cardinality(principals) = instalments
        AND cardinality(fees) = instalments AND cardinality(repaid) = instalments
        AND cardinality(subsidies) = cardinality(sponsors) AND cardinality(returned) = cardinality(sponsors)
        AND cardinality(waived) = cardinality(sponsors) AND cardinality(caps) = cardinality(sponsors))
) WITH (fillfactor = 80);
COMMENT ON TABLE plan IS 'One payment in instalments, or with a subsidy: of own products our books, of external ones a memo of the bank''s plan.';
COMMENT ON COLUMN plan.due_on IS 'Due dates as yyyymmdd; principals, fees (the consumer''s) and repaid are per instalment.';
COMMENT ON COLUMN plan.sponsors IS 'Who bears the rest of the fee; subsidies, returned and waived (1: no cash leg) are per sponsor.';
COMMENT ON COLUMN plan.caps IS 'The most that each sponsor had agreed to pay for one order; 0 without such a limit.';
COMMENT ON COLUMN plan.fee_refunded IS 'Whether the fee comes back with the goods; fee_spared: whether the part not due yet is spared by an early repayment.';
COMMENT ON COLUMN plan.reserved_at IS 'When the shares were taken from the budgets.';
CREATE INDEX plan_of_payment ON plan (cell, payment_id);
CREATE INDEX plan_of_consumer ON plan (cell, consumer_id);
CREATE INDEX plan_of_lender ON plan (lender_id, created_at);

CREATE TABLE bank_call (
    cell smallint NOT NULL,
    call_id bigint NOT NULL,
    payment_id bigint NOT NULL,
    order_id bigint NOT NULL,
    refund_id bigint,
    lender_id bigint NOT NULL,
    product_id bigint NOT NULL,
    instrument_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('authorise', 'complete', 'refund', 'reverse')),
    original_call_id bigint,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency text NOT NULL,
    instalments smallint NOT NULL,
    status text NOT NULL CHECK (status IN ('due', 'succeeded', 'refused', 'reversed')),
    attempts integer NOT NULL CHECK (attempts >= 0),
    due_at timestamptz NOT NULL,
    reference text,
    raw_code text,
    reason text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (cell, call_id),
    CONSTRAINT bank_call_names_its_original CHECK (kind = 'authorise' OR original_call_id IS NOT NULL)
) WITH (fillfactor = 80);
COMMENT ON TABLE bank_call IS 'What a bank was or is to be asked, recorded before it is asked. A due call is asked again until the bank has answered.';
COMMENT ON COLUMN bank_call.due_at IS 'When the sweeper takes it up; until then the process that recorded it asks.';
CREATE INDEX bank_call_due ON bank_call (lender_id, due_at) WHERE status = 'due';
CREATE INDEX bank_call_of_payment ON bank_call (cell, payment_id);
