"""What can go wrong, as one tree with stable codes.

    ChuanliuError
    ├── Refused            the request is understood and the answer is no (business rule)
    ├── Invalid            the request itself is wrong (a field, a format)
    ├── Unauthenticated    who asks is not known or not proven
    ├── Forbidden          who asks is known and may not
    ├── NotFound
    ├── Conflict           same key, other content
    ├── Busy               a bounded queue is full or a row stayed locked: try again
    └── Unavailable        the database cannot be reached: try again

Every error that can leave the platform has a `code` from `CODES`; each wire dialect maps all of them, which a test
holds.
"""

from chuanliu.errors.catalogue import CODES, HTTP_STATUS
from chuanliu.errors.tree import (
    Busy,
    ChuanliuError,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refused,
    Unauthenticated,
    Unavailable,
)

__all__ = [
    "CODES",
    "HTTP_STATUS",
    "Busy",
    "ChuanliuError",
    "Conflict",
    "Forbidden",
    "Invalid",
    "NotFound",
    "Refused",
    "Unauthenticated",
    "Unavailable",
]
