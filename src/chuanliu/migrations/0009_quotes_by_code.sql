-- A quote by payment code.
-- depends: 0008_statements

ALTER TABLE payment_code ADD COLUMN quote_id bigint;
COMMENT ON COLUMN payment_code.quote_id IS 'The one quote that was made by this code.';
