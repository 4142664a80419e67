-- Reminders that the bill assistant gave.
-- depends: 0017_offline_windows

CREATE TABLE reminder (
    cell smallint NOT NULL,
    consumer_id bigint NOT NULL,
    occasion text NOT NULL,
    channel text NOT NULL,
    status text NOT NULL CHECK (status IN ('claimed', 'sent', 'failed')),
    subject text NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (cell, consumer_id, occasion, channel)
);
COMMENT ON TABLE reminder IS 'One row for each occasion and channel, written before it is given: its key makes a second one impossible.';
COMMENT ON COLUMN reminder.status IS 'A claimed one was being given when its process died; it is not tried again.';
