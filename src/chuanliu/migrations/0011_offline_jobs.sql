-- Offline jobs.
-- depends: 0010_repayment

CREATE TABLE offline_job (
    name text PRIMARY KEY,
    status text NOT NULL DEFAULT 'idle' CHECK (status IN ('idle', 'running', 'failed')),
    paused boolean NOT NULL DEFAULT false,
    due_at timestamptz NOT NULL,
    finish_by timestamptz NOT NULL,
    started_at timestamptz,
    finished_at timestamptz,
    done bigint NOT NULL DEFAULT 0 CHECK (done >= 0),
    total bigint NOT NULL DEFAULT 0 CHECK (total >= 0),
    worked_us bigint NOT NULL DEFAULT 0 CHECK (worked_us >= 0),
    problem text NOT NULL DEFAULT ''
) WITH (fillfactor = 50);
COMMENT ON TABLE offline_job IS 'How it stands with each offline job. How far its work has come is in the job''s own tables.';
COMMENT ON COLUMN offline_job.finish_by IS 'The deadline of the run that is due or under way.';
COMMENT ON COLUMN offline_job.worked_us IS 'Time at work in this run, without pauses, in microseconds.';
