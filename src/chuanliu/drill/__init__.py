"""The drill: processes of a platform under load are killed at random, and no payment may be lost or doubled."""

from chuanliu.drill.drill_client import DrillPlan, run_drill
from chuanliu.drill.report import DrillReport

__all__ = ["DrillPlan", "DrillReport", "run_drill"]
