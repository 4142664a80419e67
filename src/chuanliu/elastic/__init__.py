"""Units that come before a peak and leave after it: how many there are to be, and their lives, one by one."""

from chuanliu.elastic.cluster_client import CLUSTER_LIMITS, ClusterScaling
from chuanliu.elastic.fleet import Counts, Fleet, Order
from chuanliu.elastic.kubernetes_client import SERVICE_ACCOUNT, Cluster, KubernetesUnits
from chuanliu.elastic.local_server import LocalUnits, Stretch
from chuanliu.elastic.need import HEADROOM, HOLD_S, Need, NeedOfUnits
from chuanliu.elastic.plan_store import SLOT, SLOTS, PlanFeed
from chuanliu.elastic.planning_client import Planner
from chuanliu.elastic.provider import Provider, carry_out
from chuanliu.elastic.slot_store import SlotRow, slots_of, write_slots
from chuanliu.elastic.units import Limits, Phase, Seen, Unit, advance, drained
from chuanliu.elastic.wish_store import Wish, read_wish, write_wish

__all__ = [
    "CLUSTER_LIMITS",
    "HEADROOM",
    "HOLD_S",
    "SERVICE_ACCOUNT",
    "SLOT",
    "SLOTS",
    "Cluster",
    "ClusterScaling",
    "Counts",
    "Fleet",
    "KubernetesUnits",
    "Limits",
    "LocalUnits",
    "Need",
    "NeedOfUnits",
    "Order",
    "Phase",
    "PlanFeed",
    "Planner",
    "Provider",
    "Seen",
    "SlotRow",
    "Stretch",
    "Unit",
    "Wish",
    "advance",
    "carry_out",
    "drained",
    "read_wish",
    "slots_of",
    "write_slots",
    "write_wish",
]
