-- Metering by tenant, class and second; settings and leases of admission.
-- depends: 0006_quotes_plans_and_bank_calls

CREATE FUNCTION add_lists(one bigint[], other bigint[]) RETURNS bigint[] LANGUAGE sql IMMUTABLE
RETURN (
    SELECT coalesce(array_agg(coalesce(a, 0) + coalesce(b, 0) ORDER BY place), '{}')
    FROM unnest(one, other) WITH ORDINALITY AS pair (a, b, place)
);
CREATE AGGREGATE sum_lists(bigint[]) (SFUNC = add_lists, STYPE = bigint[], INITCOND = '{}');

CREATE TABLE metered (
    grain_s smallint NOT NULL CHECK (grain_s IN (1, 60, 3600)),
    starts_at timestamptz NOT NULL,
    tenant_id bigint NOT NULL,
    class smallint NOT NULL CHECK (class BETWEEN 0 AND 3),
    offered bigint NOT NULL,
    admitted bigint NOT NULL,
    answered bigint NOT NULL,
    rejected bigint NOT NULL,
    cost_units bigint NOT NULL,
    latency bigint[] NOT NULL,
    PRIMARY KEY (grain_s, starts_at, tenant_id, class)
) WITH (fillfactor = 80);
COMMENT ON TABLE metered IS 'Requests by tenant and class. Each is counted at one grain: seconds move to minutes, minutes to hours.';
COMMENT ON COLUMN metered.tenant_id IS 'A merchant; 0 whoever names none that is known, 1 browsers at the cashier.';
COMMENT ON COLUMN metered.class IS '0 pay, 1 refund, 2 query, 3 batch.';
COMMENT ON COLUMN metered.latency IS 'Answers by latency; the bounds are those of the metrics.';

CREATE TABLE admission_pool (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    limit_per_s double precision CHECK (limit_per_s > 0 AND limit_per_s < 'Infinity')
);
INSERT INTO admission_pool DEFAULT VALUES;
COMMENT ON COLUMN admission_pool.limit_per_s IS 'Requests a second of all tenants and gateways together; null for no limit.';

CREATE TABLE admission_tenant (
    tenant_id bigint PRIMARY KEY,
    guarantee_per_s double precision NOT NULL DEFAULT 0,
    weight double precision NOT NULL DEFAULT 1,
    burst_per_s double precision,
    lendable_bps integer NOT NULL DEFAULT 5000,
    CONSTRAINT admission_guarantee_not_negative CHECK (guarantee_per_s >= 0 AND guarantee_per_s < 'Infinity'),
    CONSTRAINT admission_weight_positive CHECK (weight > 0 AND weight < 'Infinity'),
    CONSTRAINT admission_burst_above_guarantee CHECK (burst_per_s >= guarantee_per_s AND burst_per_s > 0),
    CONSTRAINT admission_lendable_is_a_share CHECK (lendable_bps BETWEEN 0 AND 10000)
);
COMMENT ON COLUMN admission_tenant.burst_per_s IS 'The most, borrowed capacity included; null for no such limit.';
COMMENT ON COLUMN admission_tenant.lendable_bps IS 'The part of the guarantee that others may use while the tenant does not.';

CREATE UNLOGGED TABLE admission_report (
    process text PRIMARY KEY,
    body bytea NOT NULL,
    seen_at timestamptz NOT NULL
);
COMMENT ON TABLE admission_report IS 'What each gateway process was last asked for, by tenant and class. Lost with a crash, written anew within a second.';

CREATE UNLOGGED TABLE admission_lease (
    process text PRIMARY KEY,
    epoch bigint NOT NULL,
    body bytea NOT NULL,
    issued_at timestamptz NOT NULL
);
COMMENT ON TABLE admission_lease IS 'What each gateway process may admit until its next lease.';
