-- Limits that consumers set for themselves.
-- depends: 0015_ledger_walk

CREATE TABLE own_limit (
    cell smallint NOT NULL,
    consumer_id bigint NOT NULL,
    currency text NOT NULL,
    stop_minor bigint NOT NULL,
    cooling_hours smallint NOT NULL,
    cooling_from_minor bigint NOT NULL,
    next_stop_minor bigint NOT NULL,
    next_cooling_hours smallint NOT NULL,
    next_cooling_from_minor bigint NOT NULL,
    next_at timestamptz,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (cell, consumer_id),
    CONSTRAINT own_limit_not_negative CHECK (stop_minor >= 0 AND cooling_from_minor >= 0 AND next_stop_minor >= 0
        AND next_cooling_from_minor >= 0),
    CONSTRAINT own_limit_hours CHECK (cooling_hours BETWEEN 0 AND 168 AND next_cooling_hours BETWEEN 0 AND 168)
);
COMMENT ON TABLE own_limit IS 'What a consumer allows herself on credit. Looser limits hold from next_at on, a day after she asked.';
