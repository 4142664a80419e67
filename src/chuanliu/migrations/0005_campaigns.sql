-- Campaigns, their sponsors, and how often consumers used them; what merchants sell; keys of lenders.
-- depends: 0004_lenders

CREATE TABLE campaign (
    cell smallint NOT NULL,
    campaign_id bigint NOT NULL,
    owner_id bigint NOT NULL,
    code text NOT NULL,
    name text NOT NULL,
    name_zh text NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'scheduled', 'published', 'paused', 'exhausted', 'closed')),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    currency text NOT NULL,
    terms bytea NOT NULL,
    stripes smallint NOT NULL CHECK (stripes BETWEEN 1 AND 256),
    warned_at timestamptz,
    spent_day integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, campaign_id),
    UNIQUE (cell, code),
    CONSTRAINT campaign_ends_after_start CHECK (ends_at > starts_at)
);
COMMENT ON COLUMN campaign.owner_id IS 'Who runs it: the platform, a merchant or a lender.';
COMMENT ON COLUMN campaign.spent_day IS 'yyyymmdd of the business day whose uses are spent; 0 for none.';
CREATE INDEX campaign_due ON campaign (status, ends_at);

CREATE TABLE sponsor (
    cell smallint NOT NULL,
    sponsor_id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    kind text NOT NULL CHECK (kind IN ('merchant', 'bank', 'platform', 'brand')),
    party_id bigint,
    name text NOT NULL,
    share_bps integer NOT NULL,
    cap_minor bigint,
    budget_minor bigint NOT NULL,
    rest_minor bigint,
    created_at timestamptz NOT NULL,
    version bigint NOT NULL,
    PRIMARY KEY (cell, sponsor_id),
    CONSTRAINT sponsor_share_within CHECK (share_bps BETWEEN 1 AND 10000),
    CONSTRAINT sponsor_budget_not_negative CHECK (budget_minor >= 0),
    CONSTRAINT sponsor_cap_positive CHECK (cap_minor > 0)
);
CREATE INDEX sponsor_of_campaign ON sponsor (cell, campaign_id);
COMMENT ON TABLE sponsor IS 'Who bears a share of a campaign''s fees. Its budget is the escrow of the same number.';
COMMENT ON COLUMN sponsor.rest_minor IS 'What was left when it was last counted, once that is little: more is refused without looking. Null while there is plenty.';

CREATE TABLE campaign_use (
    cell smallint NOT NULL,
    campaign_id bigint NOT NULL,
    consumer_id bigint NOT NULL,
    day integer NOT NULL,
    uses integer NOT NULL,
    PRIMARY KEY (cell, campaign_id, consumer_id, day),
    CONSTRAINT campaign_use_not_negative CHECK (uses >= 0)
) WITH (fillfactor = 80);
COMMENT ON COLUMN campaign_use.campaign_id IS 'A campaign, or a product: how often the consumer has used that at all.';
COMMENT ON COLUMN campaign_use.day IS 'yyyymmdd in Asia/Shanghai; 0 for all days together.';

CREATE INDEX campaign_use_day ON campaign_use (day) WHERE day > 0;

ALTER TABLE merchant ADD COLUMN category text NOT NULL DEFAULT '' CHECK (category ~ '^([0-9]{4})?$');
COMMENT ON COLUMN merchant.category IS 'ISO 18245 merchant category code; empty where it is not known.';

ALTER TABLE api_key DROP CONSTRAINT api_key_scope_check;
ALTER TABLE api_key ADD CONSTRAINT api_key_scope_check CHECK (scope IN ('merchant', 'admin', 'lender'));
COMMENT ON COLUMN api_key.merchant_id IS 'Whose key it is: a merchant, a lender, or 0 for an administrator.';
