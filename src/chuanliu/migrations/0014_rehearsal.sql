-- Rehearsals: their pool, and what came of each.
-- depends: 0013_assistant

CREATE TABLE rehearsal_pool (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    limit_per_s double precision NOT NULL DEFAULT 0 CHECK (limit_per_s >= 0 AND limit_per_s < 'Infinity'),
    until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);
INSERT INTO rehearsal_pool DEFAULT VALUES;
COMMENT ON TABLE rehearsal_pool IS 'What tenants of rehearsals may use. A rehearsal says it anew each second; when it stops saying so, nothing.';

CREATE TABLE rehearsal (
    rehearsal_id bigint PRIMARY KEY,
    scenario text NOT NULL,
    status text NOT NULL CHECK (status IN ('running', 'passed', 'failed', 'stopped')),
    started_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    report jsonb
);
COMMENT ON COLUMN rehearsal.ends_at IS 'When it is to end; afterwards, when it ended.';

CREATE TABLE planned_slot (
    shadow boolean NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    units integer NOT NULL CHECK (units >= 0),
    capacity_per_s double precision NOT NULL CHECK (capacity_per_s >= 0),
    promised_per_s double precision NOT NULL CHECK (promised_per_s >= 0),
    why text NOT NULL,
    PRIMARY KEY (shadow, starts_at),
    CHECK (ends_at > starts_at)
);
COMMENT ON TABLE planned_slot IS 'The plan as it is carried out: units and what they serve, by time. Shadow: of a rehearsal.';
