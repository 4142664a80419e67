"""The lenders' audit: instruments, their accounts, cards and products fit together, and no card has two products.

Each check is a query that returns the offenders; clean books return none.
"""

from __future__ import annotations

from typing import Final

from chuanliu.money import CURRENCIES

_CURRENCIES: Final = ", ".join(f"('{each.code}', {each.numeric})" for each in CURRENCIES.values())

CHECKS: Final[dict[str, str]] = {
    "lines in our books have an account with their limit": """
        SELECT i.instrument_id, i.consumer_id, i.line_no, i.limit_minor, a.account_id, a.floor_minor
        FROM instrument i
        JOIN product p ON p.product_id = i.product_id AND p.cell = (i.product_id >> 15 & 255)::smallint
        JOIN (VALUES {currencies}) AS c (code, numeric) ON c.code = p.currency
        LEFT JOIN account a ON a.cell = i.cell AND a.mode = 'checked'
            AND a.account_id =
                ((i.consumer_id - 2088000000000000) << 18) | ((128 + i.line_no) << 10) | c.numeric
        WHERE i.line_no IS NOT NULL AND (a.account_id IS NULL OR a.floor_minor <> -i.limit_minor
            OR (a.status = 'open') <> (i.status <> 'closed'))
    """.replace("{currencies}", _CURRENCIES),
    "accounts of credit used belong to a line": """
        SELECT a.account_id, a.balance_minor FROM account a
        LEFT JOIN instrument i ON i.cell = a.cell AND i.consumer_id = 2088000000000000 + (a.account_id >> 18)
            AND i.line_no = (a.account_id >> 10 & 255) - 128
        WHERE a.account_id >> 10 & 255 >= 128 AND i.instrument_id IS NULL
    """,
    "closed lines owe nothing": """
        SELECT i.instrument_id, a.account_id, a.balance_minor, a.held_minor FROM instrument i
        JOIN account a ON a.cell = i.cell AND a.account_id >> 10 =
            ((i.consumer_id - 2088000000000000) << 8) | (128 + i.line_no)
        WHERE i.status = 'closed' AND i.line_no IS NOT NULL AND a.balance_minor - a.held_minor < 0
    """,
    "instruments are of their product": """
        SELECT i.instrument_id, i.kind, i.product_id, p.kind AS product_kind, p.funding, i.line_no
        FROM instrument i
        LEFT JOIN product p ON p.product_id = i.product_id AND p.cell = (i.product_id >> 15 & 255)::smallint
        WHERE p.product_id IS NULL OR p.kind <> i.kind OR (p.funding = 'own') <> (i.line_no IS NOT NULL)
            OR (p.cell >= 128) <> (i.cell >= 128)
    """,
    "cards are their consumers'": """
        SELECT i.instrument_id, i.consumer_id, i.card_id, s.consumer_id AS card_consumer_id, i.masked
        FROM instrument i
        LEFT JOIN stored_card s ON s.cell = i.cell AND s.card_id = i.card_id
        WHERE i.card_id IS NOT NULL AND (s.consumer_id IS DISTINCT FROM i.consumer_id OR right(i.masked, 4) <> s.last4)
    """,
    "products are their lenders', under one code": """
        SELECT p.product_id, p.lender_id, p.code FROM product p
        LEFT JOIN lender l ON l.cell = p.cell AND l.lender_id = p.lender_id
        WHERE l.lender_id IS NULL
        UNION ALL
        SELECT max(product_id), max(lender_id), code FROM product GROUP BY code, cell >= 128 HAVING count(*) > 1
    """,
    "no card number is two products'": """
        WITH span AS (
            SELECT p.product_id, p.cell >= 128 AS shadow, rpad(b ->> 0, 8, '0') AS first, rpad(b ->> 1, 8, '9') AS last
            FROM product p, jsonb_array_elements(convert_from(p.terms, 'UTF8')::jsonb -> 'bins') AS b
        )
        SELECT one.product_id, one.first, one.last, other.product_id AS other_product_id, other.first AS other_first,
            other.last AS other_last
        FROM span one JOIN span other ON one.product_id < other.product_id AND one.shadow = other.shadow
            AND one.first <= other.last AND other.first <= one.last
    """,
}
"""Name of each check and the query for its offenders."""
