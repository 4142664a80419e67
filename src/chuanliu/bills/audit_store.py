"""The audit of statements against the ledger. Same form as the ledger's checks."""

from __future__ import annotations

from typing import Final

CHECKS: Final[dict[str, str]] = {
    "statements are their postings": """
        SELECT s.consumer_id, s.product_id, s.cycle, s.opening_minor, s.closing_minor, e.change_minor, e.entries
        FROM statement s
        CROSS JOIN LATERAL (
            SELECT coalesce(-sum(e.amount_minor), 0) AS change_minor, count(*) AS entries FROM entry e
            WHERE e.cell = s.cell AND e.account_id = s.account_id AND e.seq BETWEEN s.first_seq AND s.last_seq
        ) e
        WHERE s.closing_minor - s.opening_minor <> e.change_minor OR e.entries <> s.last_seq - s.first_seq + 1
    """,
    "statements follow each other without gap": """
        SELECT consumer_id, product_id, line_no, cycle, first_seq, opening_minor FROM (
            SELECT s.*, lag(last_seq, 1, 0::bigint) OVER line AS ended,
                lag(closing_minor, 1, 0::bigint) OVER line AS closed
            FROM statement s WINDOW line AS (PARTITION BY cell, consumer_id, product_id, line_no ORDER BY cycle)
        ) s
        WHERE first_seq <> ended + 1 OR opening_minor <> closed
    """,
}
"""Name of each check and the query for its offenders."""
