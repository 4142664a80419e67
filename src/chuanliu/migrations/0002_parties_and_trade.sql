-- Parties and the life of a payment.
-- depends: 0001_engine_and_ledger

CREATE TABLE merchant (
    cell smallint NOT NULL,
    merchant_id bigint NOT NULL,
    platform_id bigint,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'blocked')),
    fee_bps integer NOT NULL CHECK (fee_bps BETWEEN 0 AND 10000),
    refund_needs_funds boolean NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, merchant_id)
);
COMMENT ON COLUMN merchant.platform_id IS 'For a sub-merchant: the merchant that runs the platform it sells on.';

CREATE TABLE app (
    cell smallint NOT NULL,
    app_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'revoked')),
    notify_url text,
    aes_key_sealed bytea,
    platform_key_id bigint NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, app_id)
);

CREATE TABLE app_key (
    cell smallint NOT NULL,
    key_id bigint NOT NULL,
    app_id bigint NOT NULL,
    public_key text NOT NULL,
    certificate text,
    cert_sn text,
    valid_until timestamptz,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, key_id)
);
COMMENT ON COLUMN app_key.valid_until IS 'Null while current; after a rotation the end of the overlap window.';

CREATE TABLE platform_key (
    cell smallint NOT NULL,
    key_id bigint NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('signing', 'root', 'issuing')),
    status text NOT NULL CHECK (status IN ('current', 'previous')),
    private_key_sealed bytea NOT NULL,
    public_key text NOT NULL,
    certificate text NOT NULL,
    cert_sn text NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, key_id)
);

CREATE TABLE api_key (
    cell smallint NOT NULL,
    key_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    scope text NOT NULL CHECK (scope IN ('merchant', 'admin')),
    sha256 bytea NOT NULL,
    hint text NOT NULL,
    valid_until timestamptz,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, key_id)
);

CREATE TABLE webhook_endpoint (
    cell smallint NOT NULL,
    endpoint_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    url text NOT NULL,
    kinds text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'disabled', 'deleted')),
    secret_sealed bytea NOT NULL,
    previous_secret_sealed bytea,
    previous_valid_until timestamptz,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, endpoint_id)
);

CREATE TABLE consumer (
    cell smallint NOT NULL,
    consumer_id bigint NOT NULL,
    name text NOT NULL,
    status text NOT NULL CHECK (status IN ('active', 'blocked')),
    pay_password_hash text NOT NULL,
    confirm_above_minor bigint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cell, consumer_id)
);

CREATE TABLE party_counter (
    cell smallint NOT NULL PRIMARY KEY CHECK (cell = 0),
    last_serial bigint NOT NULL,
    last_shadow_serial bigint NOT NULL,
    last_app bigint NOT NULL
);
INSERT INTO party_counter (cell, last_serial, last_shadow_serial, last_app) VALUES (0, 1000, 900000000000, 0);

CREATE TABLE payment_code (
    cell smallint NOT NULL,
    code bigint NOT NULL,
    consumer_id bigint NOT NULL,
    confirm_above_minor bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    PRIMARY KEY (cell, code)
) WITH (fillfactor = 60);
CREATE INDEX payment_code_expiry ON payment_code (expires_at);

CREATE TABLE orders (
    cell smallint NOT NULL,
    order_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    app_id bigint NOT NULL,
    out_trade_no text NOT NULL,
    sub_merchant_id bigint,
    scene text NOT NULL,
    subject text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    status text NOT NULL
        CHECK (status IN ('WAIT_BUYER_PAY', 'TRADE_SUCCESS', 'TRADE_FINISHED', 'TRADE_CLOSED')),
    buyer_id bigint,
    payment_id bigint,
    refunded_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    fee_refunded_minor bigint NOT NULL,
    notify_url text,
    return_url text,
    details bytea,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    paid_at timestamptz,
    closed_at timestamptz,
    PRIMARY KEY (cell, order_id),
    UNIQUE (cell, merchant_id, out_trade_no),
    CONSTRAINT order_refund_within CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    CONSTRAINT order_fee_refund_within CHECK (fee_refunded_minor BETWEEN 0 AND fee_minor),
    CONSTRAINT order_amount CHECK (amount_minor > 0 OR scene = 'tombstone'),
    CONSTRAINT order_paid_by_payment CHECK (status NOT IN ('TRADE_SUCCESS', 'TRADE_FINISHED') OR (payment_id IS NOT NULL AND paid_at IS NOT NULL))
) WITH (fillfactor = 90);
COMMENT ON CONSTRAINT order_refund_within ON orders IS 'Refunds never exceed what was paid.';
CREATE INDEX orders_due ON orders (expires_at) WHERE status = 'WAIT_BUYER_PAY';

CREATE TABLE payment (
    cell smallint NOT NULL,
    payment_id bigint NOT NULL,
    payer_id bigint NOT NULL,
    order_ids bigint[] NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    status text NOT NULL
        CHECK (status IN ('AWAITING_PAYER', 'AUTHORISING', 'UNKNOWN', 'SUCCEEDED', 'REFUSED', 'CLOSED')),
    reason text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (cell, payment_id),
    CONSTRAINT payment_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT payment_refund_within CHECK (refunded_minor BETWEEN 0 AND amount_minor)
) WITH (fillfactor = 90);

CREATE TABLE payment_leg (
    cell smallint NOT NULL,
    payment_id bigint NOT NULL,
    leg_no smallint NOT NULL,
    method text NOT NULL,
    account_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    refunded_minor bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('AUTHORISING', 'AUTHORISED', 'UNKNOWN', 'CAPTURED', 'REFUSED', 'VOIDED')),
    reference text,
    PRIMARY KEY (cell, payment_id, leg_no),
    CONSTRAINT leg_amount_positive CHECK (amount_minor > 0),
    CONSTRAINT leg_refund_within CHECK (refunded_minor BETWEEN 0 AND amount_minor)
) WITH (fillfactor = 90);

CREATE TABLE refund (
    cell smallint NOT NULL,
    refund_id bigint NOT NULL,
    order_id bigint NOT NULL,
    payment_id bigint NOT NULL,
    out_request_no text NOT NULL,
    amount_minor bigint NOT NULL,
    cumulative_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    status text NOT NULL CHECK (status IN ('PROCESSING', 'SUCCEEDED', 'FAILED')),
    reason text,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (cell, refund_id),
    UNIQUE (cell, order_id, out_request_no),
    CONSTRAINT refund_amount_positive CHECK (amount_minor > 0)
);

CREATE TABLE delivery (
    cell smallint NOT NULL,
    delivery_id bigint NOT NULL,
    merchant_id bigint NOT NULL,
    event_id bigint NOT NULL,
    event_seq bigint NOT NULL,
    dialect text NOT NULL CHECK (dialect IN ('alipay', 'native')),
    endpoint_id bigint NOT NULL,
    url text NOT NULL,
    destination text NOT NULL,
    kind text NOT NULL,
    subject_id bigint NOT NULL,
    payload bytea NOT NULL,
    status text NOT NULL CHECK (status IN ('due', 'delivered', 'exhausted')),
    attempts smallint NOT NULL,
    due_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    completed_at timestamptz,
    PRIMARY KEY (cell, delivery_id)
) PARTITION BY RANGE (delivery_id);
CREATE INDEX delivery_due ON delivery (due_at) WHERE status = 'due';
CREATE INDEX delivery_of_merchant ON delivery (cell, merchant_id, delivery_id);
CREATE TABLE delivery_default PARTITION OF delivery DEFAULT;

CREATE TABLE delivery_attempt (
    cell smallint NOT NULL,
    delivery_id bigint NOT NULL,
    attempt smallint NOT NULL,
    started_at timestamptz NOT NULL,
    outcome text NOT NULL,
    http_status integer,
    latency_ms integer NOT NULL,
    response text,
    PRIMARY KEY (cell, delivery_id, attempt)
);
