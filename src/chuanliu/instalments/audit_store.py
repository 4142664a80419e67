"""The audit of plans, budgets and bank calls against the transfers. Same form as the ledger's checks."""

from __future__ import annotations

from typing import Final

CHECKS: Final[dict[str, str]] = {
    "plans add up": """
        SELECT p.plan_id, p.principal_minor, p.refunded_minor, p.fee_minor, p.buyer_fee_minor, l.principals, l.fees,
            s.subsidies
        FROM plan p
        CROSS JOIN LATERAL (
            SELECT sum(principal) AS principals, sum(fee) AS fees, bool_or(repaid > principal + fee OR repaid < 0
                OR principal < 0 OR fee < 0) AS wrong
            FROM unnest(p.principals, p.fees, p.repaid) AS i (principal, fee, repaid)
        ) l
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(subsidy), 0) AS subsidies, coalesce(bool_or(back < 0 OR back > subsidy), false) AS wrong
            FROM unnest(p.subsidies, p.returned) AS i (subsidy, back)
        ) s
        WHERE l.wrong OR s.wrong OR l.principals <> p.principal_minor - p.refunded_minor
            OR l.fees <> p.buyer_fee_minor - p.buyer_fee_returned_minor
            OR s.subsidies + p.buyer_fee_minor <> p.fee_minor
    """,
    "plans are paid as their payment is": """
        SELECT p.plan_id, p.status, y.status AS payment_status, p.principal_minor, y.amount_minor,
            p.refunded_minor, y.refunded_minor AS payment_refunded_minor
        FROM plan p LEFT JOIN payment y ON y.cell = p.cell AND y.payment_id = p.payment_id
        WHERE y.payment_id IS NULL OR p.principal_minor <> y.amount_minor OR p.refunded_minor <> y.refunded_minor
            OR (p.status IN ('active', 'completed', 'refunded')) <> (y.status = 'SUCCEEDED')
            OR (p.status = 'void') <> (y.status IN ('REFUSED', 'CLOSED'))
            OR (p.status = 'refunded') <> (p.refunded_minor = p.principal_minor)
    """,
    "subsidies and fees moved as the plans say": """
        WITH moved AS (
            SELECT subject_id AS payment_id,
                coalesce(sum(amount_minor) FILTER (WHERE kind = 'subsidy'), 0) AS subsidy_minor,
                coalesce(sum(amount_minor) FILTER (WHERE kind = 'plan_fee'), 0) AS fee_minor
            FROM transfer WHERE kind IN ('subsidy', 'plan_fee') GROUP BY 1
        ), back AS (
            SELECT r.payment_id,
                coalesce(sum(t.amount_minor) FILTER (WHERE t.kind = 'subsidy_refund'), 0) AS subsidy_minor,
                coalesce(sum(t.amount_minor) FILTER (WHERE t.kind = 'plan_fee_refund'), 0) AS fee_minor
            FROM transfer t JOIN refund r ON r.refund_id = t.subject_id
            WHERE t.kind IN ('subsidy_refund', 'plan_fee_refund') GROUP BY 1
        ), spared AS (
            SELECT subject_id AS plan_id, sum(amount_minor) AS fee_minor FROM transfer
            WHERE kind = 'plan_fee_return' GROUP BY 1
        ), planned AS (
            SELECT p.plan_id, p.payment_id, p.status IN ('active', 'completed', 'refunded') AS charged,
                CASE WHEN p.funding = 'own' THEN p.buyer_fee_minor ELSE 0 END AS fee_minor,
                CASE WHEN p.funding = 'own' THEN p.buyer_fee_returned_minor ELSE 0 END AS fee_back_minor,
                (SELECT coalesce(sum(s), 0) FROM unnest(p.subsidies, p.waived) AS i (s, w) WHERE w = 0)
                    AS subsidy_minor,
                (SELECT coalesce(sum(b), 0) FROM unnest(p.returned, p.waived) AS i (b, w) WHERE w = 0) AS back_minor
            FROM plan p
        )
        SELECT coalesce(p.payment_id, m.payment_id) AS payment_id, p.plan_id, p.subsidy_minor, p.fee_minor,
            m.subsidy_minor AS subsidy_moved_minor, m.fee_minor AS fee_moved_minor,
            b.subsidy_minor AS subsidy_back_minor
        FROM planned p
        FULL JOIN moved m ON m.payment_id = p.payment_id
        LEFT JOIN back b ON b.payment_id = p.payment_id
        LEFT JOIN spared s ON s.plan_id = p.plan_id
        WHERE p.plan_id IS NULL
            OR coalesce(m.subsidy_minor, 0) <> CASE WHEN p.charged THEN p.subsidy_minor ELSE 0 END
            OR coalesce(m.fee_minor, 0) <> CASE WHEN p.charged THEN p.fee_minor ELSE 0 END
            OR coalesce(b.subsidy_minor, 0) <> p.back_minor
            OR coalesce(b.fee_minor, 0) + coalesce(s.fee_minor, 0) <> p.fee_back_minor
    """,
    "credit used is what plans still owe": """
        SELECT i.instrument_id, a.account_id, a.balance_minor, coalesce(o.outstanding_minor, 0) AS outstanding_minor,
            coalesce(w.late_fees_owed_minor + w.interest_owed_minor, 0) AS charges_minor
        FROM instrument i
        JOIN account a ON a.cell = i.cell AND a.account_id >> 10 =
            ((i.consumer_id - 2088000000000000) << 8) | (128 + i.line_no)
        LEFT JOIN (
            SELECT p.cell, p.instrument_id, sum(
                (SELECT sum(d + f - r) FROM unnest(p.principals, p.fees, p.repaid) AS i (d, f, r))) AS outstanding_minor
            FROM plan p WHERE p.status IN ('active', 'completed', 'refunded') AND p.funding = 'own' GROUP BY 1, 2
        ) o ON o.cell = i.cell AND o.instrument_id = i.instrument_id
        LEFT JOIN line_standing w ON w.cell = i.cell AND w.instrument_id = i.instrument_id
        WHERE i.line_no IS NOT NULL AND i.status <> 'closed' AND a.balance_minor <>
            -coalesce(o.outstanding_minor, 0) - coalesce(w.late_fees_owed_minor + w.interest_owed_minor, 0)
    """,
    "budgets are left, reserved or spent": """
        WITH spent AS (
            SELECT s.sponsor_id, sum(s.amount - s.back) AS amount_minor FROM (
                SELECT unnest(sponsors) AS sponsor_id, unnest(subsidies) AS amount, unnest(returned) AS back
                FROM plan WHERE status <> 'void'
            ) s GROUP BY 1
        ), kept AS (
            SELECT budget_id AS sponsor_id, sum(available_minor) AS amount_minor FROM escrow_stripe
            WHERE budget_id > 0 GROUP BY 1
        ), held AS (
            SELECT q.sponsor_id, sum(q.share) AS amount_minor FROM (
                SELECT unnest(sponsors) AS sponsor_id, unnest(shares) AS share FROM quote WHERE status = 'confirmed'
            ) q GROUP BY 1
        )
        SELECT s.sponsor_id, s.budget_minor, k.amount_minor AS left_minor, h.amount_minor AS reserved_minor,
            p.amount_minor AS spent_minor
        FROM sponsor s
        LEFT JOIN kept k USING (sponsor_id) LEFT JOIN held h USING (sponsor_id) LEFT JOIN spent p USING (sponsor_id)
        WHERE s.budget_minor <>
            coalesce(k.amount_minor, 0) + coalesce(h.amount_minor, 0) + coalesce(p.amount_minor, 0)
    """,
    "no sponsor bears more than its cap": """
        SELECT p.plan_id, i.sponsor_id, i.amount, i.cap FROM plan p
        CROSS JOIN LATERAL unnest(p.sponsors, p.subsidies, p.caps) AS i (sponsor_id, amount, cap)
        WHERE i.cap > 0 AND i.amount > i.cap
    """,
    "sponsors paid their shares and no more": """
        WITH share AS (
            SELECT CASE
                    WHEN s.sponsor_id IS NULL THEN (i.sponsor_id - 2088000000000000) << 8 | 3
                    WHEN s.kind = 'merchant' AND s.party_id IS NOT NULL THEN (s.party_id - 2088000000000000) << 8 | 3
                    ELSE (i.sponsor_id - 2088000000000000) << 8 | 7
                END AS account, p.payment_id, sum(i.amount) AS amount_minor, sum(i.back) AS back_minor
            FROM plan p
            CROSS JOIN LATERAL unnest(p.sponsors, p.subsidies, p.returned, p.waived)
                AS i (sponsor_id, amount, back, waived)
            LEFT JOIN sponsor s ON s.sponsor_id = i.sponsor_id
            WHERE p.status IN ('active', 'completed', 'refunded') AND i.waived = 0
            GROUP BY 1, 2
        ), moved AS (
            SELECT account, payment_id, sum(amount_minor) AS amount_minor, sum(back_minor) AS back_minor FROM (
                SELECT debit_account_id >> 10 AS account, subject_id AS payment_id, amount_minor, 0 AS back_minor
                FROM transfer WHERE kind = 'subsidy'
                UNION ALL
                SELECT t.credit_account_id >> 10, r.payment_id, 0, t.amount_minor
                FROM transfer t LEFT JOIN refund r ON r.refund_id = t.subject_id WHERE t.kind = 'subsidy_refund'
            ) both_ways GROUP BY 1, 2
        )
        SELECT coalesce(s.payment_id, m.payment_id) AS payment_id, coalesce(s.account, m.account) AS account,
            s.amount_minor, m.amount_minor AS moved_minor, s.back_minor, m.back_minor AS moved_back_minor
        FROM share s FULL JOIN moved m ON m.payment_id = s.payment_id AND m.account = s.account
        WHERE coalesce(s.amount_minor, 0) <> coalesce(m.amount_minor, 0)
            OR coalesce(s.back_minor, 0) <> coalesce(m.back_minor, 0)
    """,
    "a full refund leaves only what the terms keep": """
        SELECT plan_id, buyer_fee_minor, buyer_fee_returned_minor, subsidies, returned FROM plan
        WHERE status = 'refunded' AND fee_refunded
            AND (buyer_fee_returned_minor <> buyer_fee_minor OR returned <> subsidies)
        UNION ALL
        SELECT plan_id, buyer_fee_minor, buyer_fee_returned_minor, subsidies, returned FROM plan
        WHERE NOT fee_refunded AND (SELECT coalesce(sum(b), 0) FROM unnest(returned) b) <> 0
    """,
    "bank calls agree with their payments": """
        SELECT y.payment_id, y.status, y.amount_minor, l.method, c.authorised, c.completed, c.open, c.least_minor,
            c.most_minor, c.refunds_minor, y.refunded_minor
        FROM payment y
        LEFT JOIN payment_leg l ON l.cell = y.cell AND l.payment_id = y.payment_id
            AND l.method IN ('credit_card', 'debit_card', 'bank_credit_pay')
        LEFT JOIN (
            SELECT cell, payment_id, count(*) FILTER (WHERE kind = 'authorise' AND status = 'succeeded') AS authorised,
                count(*) FILTER (WHERE kind = 'complete') AS completed,
                count(*) FILTER (WHERE kind IN ('authorise', 'reverse') AND status = 'due') AS open,
                min(amount_minor) FILTER (WHERE kind <> 'refund') AS least_minor,
                max(amount_minor) FILTER (WHERE kind <> 'refund') AS most_minor,
                coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0) AS refunds_minor
            FROM bank_call GROUP BY 1, 2
        ) c ON c.cell = y.cell AND c.payment_id = y.payment_id
        WHERE (l.payment_id IS NULL) <> (c.payment_id IS NULL) OR (c.payment_id IS NOT NULL AND (
            c.least_minor IS DISTINCT FROM l.amount_minor OR c.most_minor IS DISTINCT FROM l.amount_minor OR CASE
                WHEN y.status = 'SUCCEEDED'
                    THEN c.authorised <> 1 OR c.completed <> 1 OR c.refunds_minor <> y.refunded_minor
                WHEN y.status IN ('AUTHORISING', 'UNKNOWN') THEN c.open = 0 OR c.completed <> 0
                ELSE c.authorised <> 0 OR c.completed <> 0
            END))
    """,
    "what banks refused to do is in suspense": """
        SELECT coalesce(c.call_id, t.subject_id) AS call_id, c.kind, c.amount_minor, t.amount_minor AS moved_minor
        FROM (
            SELECT call_id, kind, amount_minor FROM bank_call
            WHERE kind IN ('complete', 'refund') AND status = 'refused'
        ) c
        FULL JOIN (
            SELECT subject_id, kind, sum(amount_minor) AS amount_minor FROM transfer
            WHERE kind IN ('complete_refused', 'refund_refused') GROUP BY 1, 2
        ) t ON t.subject_id = c.call_id AND t.kind = c.kind || '_refused'
        WHERE c.amount_minor IS DISTINCT FROM t.amount_minor
    """,
}
"""Name of each check and the query for its offenders."""
