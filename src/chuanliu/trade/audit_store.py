"""The audit of orders, payments and refunds against the transfers. Same form as the ledger's checks."""

from __future__ import annotations

from typing import Final

CHECKS: Final[dict[str, str]] = {
    "paid orders are paid exactly": """
        SELECT p.payment_id, p.amount_minor, coalesce(t.amount_minor, 0) AS moved_minor
        FROM payment p
        LEFT JOIN (
            SELECT subject_id, sum(amount_minor) AS amount_minor FROM transfer WHERE kind = 'payment' GROUP BY 1
        ) t ON t.subject_id = p.payment_id
        WHERE coalesce(t.amount_minor, 0) <> CASE WHEN p.status = 'SUCCEEDED' THEN p.amount_minor ELSE 0 END
    """,
    "no transfer pays an unknown payment": """
        SELECT t.transfer_id, t.subject_id FROM transfer t
        LEFT JOIN payment p ON p.payment_id = t.subject_id AND p.cell = t.cell
        WHERE t.kind = 'payment' AND p.payment_id IS NULL
    """,
    "an order is paid once": """
        SELECT o.order_id, o.payment_id, count(p.payment_id) AS payments
        FROM orders o
        JOIN (SELECT unnest(order_ids) AS order_id, payment_id FROM payment WHERE status = 'SUCCEEDED') p
            ON p.order_id = o.order_id
        GROUP BY o.cell, o.order_id, o.payment_id
        HAVING count(*) > 1 OR o.payment_id IS DISTINCT FROM min(p.payment_id)
    """,
    "an order's status agrees with its payment": """
        SELECT o.order_id, o.status, o.payment_id, p.status AS payment_status
        FROM orders o
        LEFT JOIN payment p ON p.payment_id = o.payment_id AND p.cell = (o.payment_id >> 15 & 255)::smallint
        WHERE (o.paid_at IS NOT NULL) <> coalesce(p.status = 'SUCCEEDED', false)
    """,
    "legs sum to their payment": """
        SELECT p.payment_id, p.amount_minor, l.amount_minor AS legs_minor,
            p.refunded_minor, l.refunded_minor AS legs_back_minor
        FROM payment p
        LEFT JOIN (
            SELECT cell, payment_id, sum(amount_minor) AS amount_minor, sum(refunded_minor) AS refunded_minor
            FROM payment_leg GROUP BY 1, 2
        ) l ON l.cell = p.cell AND l.payment_id = p.payment_id
        WHERE p.status = 'SUCCEEDED'
            AND (p.amount_minor <> coalesce(l.amount_minor, 0) OR p.refunded_minor <> coalesce(l.refunded_minor, 0))
    """,
    "refunds sum to their order": """
        SELECT o.order_id, o.refunded_minor, coalesce(r.amount_minor, 0) AS refunds_minor,
            o.fee_refunded_minor, coalesce(r.fee_minor, 0) AS refunds_fee_minor
        FROM orders o
        LEFT JOIN (
            SELECT cell, order_id, sum(amount_minor) AS amount_minor, sum(fee_minor) AS fee_minor
            FROM refund WHERE status = 'SUCCEEDED' GROUP BY 1, 2
        ) r ON r.cell = o.cell AND r.order_id = o.order_id
        WHERE o.refunded_minor <> coalesce(r.amount_minor, 0) OR o.fee_refunded_minor <> coalesce(r.fee_minor, 0)
    """,
    "refunds moved what they say": """
        SELECT r.refund_id, r.amount_minor, t.refund_minor, r.fee_minor, t.fee_minor AS fee_moved_minor
        FROM refund r
        LEFT JOIN (
            SELECT subject_id,
                coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0) AS refund_minor,
                coalesce(sum(amount_minor) FILTER (WHERE kind = 'fee_refund'), 0) AS fee_minor
            FROM transfer WHERE kind IN ('refund', 'fee_refund') GROUP BY 1
        ) t ON t.subject_id = r.refund_id
        WHERE r.status = 'SUCCEEDED'
            AND (r.amount_minor <> coalesce(t.refund_minor, 0) OR r.fee_minor <> coalesce(t.fee_minor, 0))
    """,
    "no transfer refunds an unknown refund": """
        SELECT t.transfer_id, t.subject_id, t.kind FROM transfer t
        LEFT JOIN refund r ON r.refund_id = t.subject_id AND r.cell = (t.subject_id >> 15 & 255)::smallint
        WHERE t.kind IN ('refund', 'fee_refund') AND r.status IS DISTINCT FROM 'SUCCEEDED'
    """,
    "refunds sum to their payment": """
        SELECT p.payment_id, p.refunded_minor, coalesce(r.amount_minor, 0) AS refunds_minor
        FROM payment p
        LEFT JOIN (
            SELECT payment_id, sum(amount_minor) AS amount_minor FROM refund WHERE status = 'SUCCEEDED' GROUP BY 1
        ) r ON r.payment_id = p.payment_id
        WHERE p.refunded_minor <> coalesce(r.amount_minor, 0)
    """,
    "fees are what the orders say": """
        SELECT coalesce(o.payment_id, t.subject_id) AS payment_id, o.fee_minor, t.amount_minor AS moved_minor
        FROM (SELECT payment_id, sum(fee_minor) AS fee_minor FROM orders WHERE fee_minor > 0 GROUP BY 1) o
        FULL JOIN (SELECT subject_id, sum(amount_minor) AS amount_minor FROM transfer WHERE kind = 'fee' GROUP BY 1) t
            ON t.subject_id = o.payment_id
        WHERE coalesce(o.fee_minor, 0) <> coalesce(t.amount_minor, 0)
    """,
    "each paid order was told of once": """
        SELECT o.order_id, coalesce(e.events, 0) AS events
        FROM orders o
        LEFT JOIN (
            SELECT subject_id, count(*) AS events FROM (
                SELECT subject_id FROM event WHERE kind = 'order.paid'
                UNION ALL SELECT subject_id FROM outbox WHERE kind = 'order.paid'
            ) told GROUP BY 1
        ) e ON e.subject_id = o.order_id
        WHERE (o.paid_at IS NOT NULL) AND coalesce(e.events, 0) <> 1
    """,
}
"""Name of each check and the query for its offenders."""
