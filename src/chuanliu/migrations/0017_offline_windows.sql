-- Times that a plan has set aside for offline jobs.
-- depends: 0016_own_limits

CREATE TABLE offline_window (
    name text NOT NULL REFERENCES offline_job ON DELETE CASCADE,
    begins_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (name, begins_at),
    CONSTRAINT offline_window_has_length CHECK (ends_at > begins_at)
);
COMMENT ON TABLE offline_window IS 'A job with windows to come works in them, and outside of them only when it would be late.';
