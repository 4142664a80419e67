-- Lenders and their products; cards and credit lines of consumers.
-- depends: 0003_sign_in_and_lookups

CREATE TABLE lender (
    cell smallint NOT NULL,
    lender_id bigint NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    name_zh text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('bank', 'platform')),
    status text NOT NULL CHECK (status IN ('active', 'suspended')),
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, lender_id)
);

CREATE TABLE product (
    cell smallint NOT NULL,
    product_id bigint NOT NULL,
    lender_id bigint NOT NULL,
    code text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('credit_card', 'bank_credit_pay', 'credit_line', 'debit_card')),
    name text NOT NULL,
    name_zh text NOT NULL,
    currency text NOT NULL,
    funding text NOT NULL CHECK (funding IN ('external', 'own')),
    status text NOT NULL CHECK (status IN ('active', 'suspended')),
    connector text CHECK (connector IN ('iso8583-1987', 'iso8583-1993', 'credit-pay')),
    endpoint text,
    terms bytea NOT NULL,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, product_id),
    UNIQUE (cell, lender_id, code),
    CONSTRAINT product_external_is_reached CHECK ((funding = 'external') = (connector IS NOT NULL AND endpoint IS NOT NULL)),
    CONSTRAINT product_own_calls_nobody CHECK (funding = 'external' OR (connector IS NULL AND endpoint IS NULL)),
    CONSTRAINT product_card_is_external CHECK (kind NOT IN ('credit_card', 'debit_card') OR funding = 'external')
);
COMMENT ON COLUMN product.funding IS 'external: the bank owes us the principal and keeps the debt; own: the debt is in our books.';
COMMENT ON COLUMN product.terms IS 'JSON of the product''s terms: BIN ranges, limits, fees by number of instalments, days, rounding, consent.';

CREATE TABLE stored_card (
    cell smallint NOT NULL,
    card_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    fingerprint bytea NOT NULL,
    sealed bytea NOT NULL,
    last4 text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cell, card_id),
    UNIQUE (cell, consumer_id, fingerprint),
    CONSTRAINT stored_card_shows_four CHECK (last4 ~ '^[0-9]{4}$')
);
COMMENT ON COLUMN stored_card.fingerprint IS 'HMAC-SHA256 of the number under a key derived from the master key: tells equal cards without opening them.';
COMMENT ON COLUMN stored_card.sealed IS 'Number and expiry under envelope encryption; no other column holds them.';

CREATE TABLE instrument (
    cell smallint NOT NULL,
    instrument_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    product_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('credit_card', 'bank_credit_pay', 'credit_line', 'debit_card')),
    line_no smallint CHECK (line_no BETWEEN 0 AND 127),
    card_id bigint,
    account_ref text,
    masked text NOT NULL,
    limit_minor bigint,
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'closed')),
    consent_sha256 bytea NOT NULL,
    consented_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (cell, instrument_id),
    CONSTRAINT instrument_card_has_card CHECK ((kind IN ('credit_card', 'debit_card')) = (card_id IS NOT NULL)),
    CONSTRAINT instrument_one_source CHECK (num_nonnulls(card_id, line_no, account_ref) = 1),
    CONSTRAINT instrument_own_line_has_limit CHECK ((line_no IS NOT NULL) = (limit_minor IS NOT NULL)),
    CONSTRAINT instrument_limit_not_negative CHECK (limit_minor >= 0),
    CONSTRAINT instrument_consent_is_a_digest CHECK (octet_length(consent_sha256) = 32)
);
CREATE INDEX instrument_of_consumer ON instrument (cell, consumer_id);
CREATE UNIQUE INDEX instrument_of_line ON instrument (cell, consumer_id, line_no) WHERE line_no IS NOT NULL;
COMMENT ON COLUMN instrument.line_no IS 'Of a line in our books: names its account. Never used again, as the account keeps its entries.';
COMMENT ON CONSTRAINT instrument_one_source ON instrument IS 'A card, a line in our books, or an account at a bank.';
