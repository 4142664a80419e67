"""Settings of a command: the environment, overridden by the command's flags."""

from __future__ import annotations

import os
from pathlib import Path

from chuanliu.runtime import Settings, read_settings


def settings_from(**flags: object) -> Settings:
    """Read the settings once. Raises `Invalid(invalid_parameter)` naming the one that is wrong."""
    return read_settings(os.environ, Path.home(), hasattr(os, "geteuid") and os.geteuid() == 0, **flags)
