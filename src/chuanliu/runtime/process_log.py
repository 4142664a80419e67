"""How processes log: one JSON object a line, with the traceback's lines but never its values, which may be secrets."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_log(level: str) -> None:
    """Log from this level up (debug, info, warning, error) to standard error; the supervisor keeps it in a file."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
