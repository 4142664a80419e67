-- Calendars of events that operators declare.
-- depends: 0019_automatic_repayment

CREATE TABLE declared_calendar (
    name text PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,63}$'),
    events bytea NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN declared_calendar.events IS 'A list of events as JSON; times in microseconds since the Unix epoch.';

CREATE TABLE calendar_version (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO calendar_version DEFAULT VALUES;
COMMENT ON TABLE calendar_version IS 'Raised with each change of a calendar: planners plan anew.';
