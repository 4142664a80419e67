-- A quote by payment code.
-- depends: 0006_quotes_plans_and_bank_calls

ALTER TABLE payment_code ADD COLUMN quote_id bigint;
COMMENT ON COLUMN payment_code.quote_id IS 'The one quote that was made by this code.';
