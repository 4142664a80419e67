-- The payments that drew on a card or line, for what its consumer asks.
-- depends: 0011_offline_jobs

CREATE INDEX payment_leg_of_instrument ON payment_leg (cell, instrument_id, payment_id) WHERE instrument_id IS NOT NULL;
