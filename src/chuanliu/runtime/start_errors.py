"""Why the platform does not start."""

from __future__ import annotations


class CannotStart(Exception):
    """The platform cannot start on this machine as asked. The message tells the operator what to do."""
