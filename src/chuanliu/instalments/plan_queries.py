"""Questions about plans: one for its merchant or its consumer, and all of a consumer."""

from __future__ import annotations

from chuanliu.engine import Context, Keys, Query, Reference, Seen
from chuanliu.errors import NotFound
from chuanliu.ids import cell_of_id, cell_of_party
from chuanliu.instalments.tables import PLAN, PLANS_OF_CONSUMER, Plan


class FindPlan(Query[Plan], frozen=True):
    """A plan, for the merchant that was paid by it or the consumer who has it. Raises `NotFound(plan_not_found)`."""

    plan_id: int
    merchant_id: int | None = None
    consumer_id: int | None = None

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(PLAN, cell_of_id(self.plan_id), self.plan_id)

    def answer(self, seen: Seen, context: Context) -> Plan:
        plan = seen.get(PLAN, cell_of_id(self.plan_id), self.plan_id)
        if (
            plan is None
            or (self.merchant_id is not None and plan.merchant_id != self.merchant_id)
            or (self.consumer_id is not None and plan.consumer_id != self.consumer_id)
        ):
            raise NotFound("plan_not_found")
        return plan


class FindPlans(Query[tuple[Plan, ...]], frozen=True):
    """The plans of a consumer, oldest first; those whose payment came to nothing only with `void`."""

    consumer_id: int
    void: bool = False

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.look(PLANS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def answer(self, seen: Seen, context: Context) -> tuple[Plan, ...]:
        found = seen.find(PLANS_OF_CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        wanted = (plan for plan in found if self.void or plan.status != "void")
        return tuple(sorted(wanted, key=lambda plan: plan.plan_id))
