"""`chuanliu capacity`: all of its commands, each module of which adds its own to the group."""

from chuanliu.cli import capacity_outputs, capacity_scale, capacity_units, capacity_windows
from chuanliu.cli.capacity import app

__all__ = ["app", "capacity_outputs", "capacity_scale", "capacity_units", "capacity_windows"]
