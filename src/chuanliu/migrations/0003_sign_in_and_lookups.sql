-- Pay password attempts; lookups of keys.
-- depends: 0002_parties_and_trade

ALTER TABLE consumer ADD COLUMN failed_attempts smallint NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0);
ALTER TABLE consumer ADD COLUMN locked_until timestamptz;
COMMENT ON COLUMN consumer.failed_attempts IS 'Wrong pay passwords in a row; at the limit the consumer is locked for a while.';

CREATE INDEX app_key_of_app ON app_key (cell, app_id);
CREATE INDEX api_key_of_merchant ON api_key (cell, merchant_id);
CREATE INDEX platform_key_of_purpose ON platform_key (cell, purpose);
