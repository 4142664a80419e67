-- What consumers have told the bill assistant.
-- depends: 0012_payments_of_instruments

CREATE TABLE assistant_profile (
    cell smallint NOT NULL,
    consumer_id bigint NOT NULL,
    currency text NOT NULL,
    ideal_minor bigint NOT NULL,
    product_ids bigint[] NOT NULL,
    product_ideals bigint[] NOT NULL,
    income_minor bigint NOT NULL,
    reminders boolean NOT NULL,
    channels text NOT NULL,
    email text NOT NULL,
    language text NOT NULL,
    time_zone text NOT NULL,
    quiet_from smallint NOT NULL,
    quiet_until smallint NOT NULL,
    created_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (cell, consumer_id),
    CONSTRAINT assistant_profile_not_negative CHECK (ideal_minor >= 0 AND income_minor >= 0),
    CONSTRAINT assistant_profile_ideals CHECK (cardinality(product_ids) = cardinality(product_ideals)),
    CONSTRAINT assistant_profile_quiet CHECK (quiet_from BETWEEN 0 AND 1439 AND quiet_until BETWEEN 0 AND 1439)
);
COMMENT ON TABLE assistant_profile IS 'What a consumer has set. Hers to erase: no other table points here.';
COMMENT ON COLUMN assistant_profile.quiet_from IS 'Minute of the day in time_zone; equal to quiet_until where no hour is quiet.';
