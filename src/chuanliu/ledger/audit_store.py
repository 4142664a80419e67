"""The ledger's audit: every balance recomputed from the transfers alone, in the caller's snapshot.

Each check is a query that returns the offenders; a clean ledger returns none.
"""

from __future__ import annotations

from typing import Final

CHECKS: Final[dict[str, str]] = {
    "balances": """
        WITH moved AS (
            SELECT account_id, sum(amount)::bigint AS amount FROM (
                SELECT credit_account_id AS account_id, sum(amount_minor) AS amount FROM transfer GROUP BY 1
                UNION ALL
                SELECT debit_account_id, -sum(amount_minor) FROM transfer GROUP BY 1
            ) sides GROUP BY account_id
        ), kept AS (
            SELECT account_id, sum(amount)::bigint AS amount FROM (
                SELECT account_id, balance_minor AS amount FROM account
                UNION ALL
                SELECT account_id, sum(amount_minor) FROM delta GROUP BY 1
            ) parts GROUP BY account_id
        )
        SELECT coalesce(m.account_id, k.account_id) AS account_id,
            coalesce(k.amount, 0) AS balance_minor, coalesce(m.amount, 0) AS transfers_minor
        FROM moved m FULL JOIN kept k USING (account_id)
        WHERE coalesce(m.amount, 0) <> coalesce(k.amount, 0)
    """,
    "currencies sum to zero": """
        SELECT account_id & 1023 AS currency, sum(amount) AS amount_minor FROM (
            SELECT account_id, balance_minor AS amount FROM account
            UNION ALL SELECT account_id, amount_minor FROM delta
        ) parts GROUP BY 1 HAVING sum(amount) <> 0
    """,
    "entries run without a gap": """
        SELECT account_id, seq, balance_minor, expected_seq, expected_minor FROM (
            SELECT account_id, seq, balance_minor, row_number() OVER w AS expected_seq,
                sum(amount_minor) OVER w AS expected_minor
            FROM entry WINDOW w AS (PARTITION BY cell, account_id ORDER BY seq)
        ) e WHERE seq <> expected_seq OR balance_minor <> expected_minor
    """,
    "accounts agree with their entries": """
        SELECT a.account_id, a.entry_count, a.balance_minor, e.entries, e.amount_minor
        FROM account a
        LEFT JOIN (
            SELECT cell, account_id, count(*) AS entries, sum(amount_minor) AS amount_minor FROM entry GROUP BY 1, 2
        ) e ON e.cell = a.cell AND e.account_id = a.account_id
        WHERE a.entry_count <> coalesce(e.entries, 0) OR a.balance_minor <> coalesce(e.amount_minor, 0)
    """,
    "each side of a transfer is kept once": """
        SELECT transfer_id, sum(expected) AS expected_sides, sum(found) AS found_sides FROM (
            SELECT transfer_id, 2 AS expected, 0 AS found FROM transfer
            UNION ALL SELECT transfer_id, 0, 1 FROM entry
            UNION ALL SELECT transfer_id, 0, 1 FROM delta
        ) sides GROUP BY transfer_id HAVING sum(expected) <> sum(found)
    """,
    "holds agree with what is held": """
        SELECT a.account_id, a.held_minor, h.held_minor AS holds_minor
        FROM account a
        LEFT JOIN (
            SELECT cell, account_id, sum(amount_minor - posted_minor) AS held_minor
            FROM hold WHERE status = 'active' GROUP BY 1, 2
        ) h ON h.cell = a.cell AND h.account_id = a.account_id
        WHERE a.held_minor <> coalesce(h.held_minor, 0)
    """,
    "no account is below its floor": """
        SELECT account_id, balance_minor, held_minor, floor_minor FROM account
        WHERE mode = 'checked' AND balance_minor - held_minor < floor_minor
    """,
    "shadow and real money never meet": """
        SELECT transfer_id, debit_account_id, credit_account_id FROM transfer
        WHERE (debit_account_id >> 18 >= 900000000000) <> (credit_account_id >> 18 >= 900000000000)
    """,
    "budgets are not overspent": """
        SELECT budget_id, stripe, available_minor FROM escrow_stripe WHERE available_minor < 0
    """,
}
"""Name of each check and the query for its offenders."""
