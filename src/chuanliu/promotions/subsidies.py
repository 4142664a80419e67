"""Who bears which part of a fee, and what each gets back: to the minor unit, on no more than it agreed to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from chuanliu.money import split_by_shares, split_by_weights
from chuanliu.promotions.views import CampaignView

_WHOLE_BPS = 10_000
_HALF_BPS = 5_000
_ANY_FEE = 2**63


class Borne(Protocol):
    """A sponsor's part of a fee, in minor units."""

    @property
    def sponsor_id(self) -> int:
        """Who bears it."""

    @property
    def amount_minor(self) -> int:
        """How much."""


class Share(msgspec.Struct, frozen=True, gc=False):
    """What a sponsor bears of one order's fee. Whether it pays or waives is decided by who plans the order.

    `cap_minor` is the most that it would, 0 without such a limit.
    """

    sponsor_id: int
    kind: str
    party_id: int | None
    amount_minor: int
    cap_minor: int = 0


class Subsidy(msgspec.Struct, frozen=True, gc=False):
    """What one campaign bears of one order's fee; no share is zero."""

    view: CampaignView
    shares: tuple[Share, ...]

    @property
    def amount_minor(self) -> int:
        """What its sponsors bear together."""
        return sum(share.amount_minor for share in self.shares)


class Combination(msgspec.Struct, frozen=True, gc=False):
    """Campaigns that go together on one order: the fee that they make, who bears it, and what the consumer pays."""

    fee_minor: int
    subsidies: tuple[Subsidy, ...]
    consumer_minor: int


class Bearers(NamedTuple):
    """A campaign's sponsors, ready for arithmetic. The last of the weights is the consumer's.

    No cap touches a fee up to `free_minor`; such a fee the sponsors of a `whole` campaign bear for sure, but where it
    is `low`: then a budget was counted to have little left. `columns` are the sponsors' numbers, which bank each is (0
    for none), and its cap (0 for none).
    """

    view: CampaignView
    campaign_id: int
    weights: tuple[int, ...]
    caps: tuple[int | None, ...] | None
    free_minor: int
    whole: bool
    low: bool
    columns: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]

    def parts(self, fee_minor: int) -> list[int]:
        """What each sponsor bears: largest remainder over all weights, then the caps."""
        weights = self.weights
        if len(weights) == 2:
            # Of two remainders the larger is the one from a half upwards.
            parts = [(fee_minor * weights[0] + _HALF_BPS) // _WHOLE_BPS]
        else:
            parts = split_by_shares(fee_minor, weights, _WHOLE_BPS)
            del parts[-1]
        if self.caps is not None and fee_minor > self.free_minor:
            parts = [part if cap is None or part <= cap else cap for part, cap in zip(parts, self.caps, strict=True)]
        return parts

    def is_dry(self, parts: Sequence[int]) -> bool:
        """Whether a sponsor was counted to have less left than its part."""
        return self.low and any(
            part and sponsor.rest_minor is not None and sponsor.rest_minor < part
            for sponsor, part in zip(self.view.sponsors, parts, strict=True)
        )


def _bearers(view: CampaignView) -> Bearers:
    weights = [sponsor.share_bps for sponsor in view.sponsors]
    caps = tuple(sponsor.cap_minor for sponsor in view.sponsors)
    # A part is less than one minor unit above its exact share.
    free = [
        (cap - 1) * _WHOLE_BPS // weight
        for weight, cap in zip(weights, caps, strict=True)
        if cap is not None and weight
    ]
    weights.append(_WHOLE_BPS - sum(weights))
    uncapped = all(cap is None for cap in caps)
    return Bearers(
        view,
        view.campaign_id,
        tuple(weights),
        None if uncapped else caps,
        min(free, default=_ANY_FEE),
        weights[-1] == 0,
        view.low,
        (
            tuple(sponsor.sponsor_id for sponsor in view.sponsors),
            tuple(sponsor.party_id or 0 if sponsor.kind == "bank" else 0 for sponsor in view.sponsors),
            tuple(sponsor.cap_minor or 0 for sponsor in view.sponsors),
        ),
    )


def _shares(view: CampaignView, parts: Sequence[int]) -> tuple[Share, ...]:
    return tuple(
        Share(sponsor.sponsor_id, sponsor.kind, sponsor.party_id, part, sponsor.cap_minor or 0)
        for sponsor, part in zip(view.sponsors, parts, strict=True)
        if part
    )


def subsidise(view: CampaignView, fee_minor: int) -> tuple[Share, ...]:
    """The sponsors' parts of a fee: largest remainder over their shares and the consumer's, then the caps.

    What a cap cuts off falls to the consumer. Zero parts are left out.
    """
    return _shares(view, _bearers(view).parts(fee_minor))


def is_known_dry(view: CampaignView, shares: Sequence[Borne]) -> bool:
    """Whether a sponsor was counted to have less left than its share."""
    if not view.low:
        return False
    rests = {sponsor.sponsor_id: sponsor.rest_minor for sponsor in view.sponsors}
    return any((rest := rests[share.sponsor_id]) is not None and rest < share.amount_minor for share in shares)


def claw_back(amounts: Sequence[int], returned: Sequence[int], total_to_return: int) -> tuple[int, ...]:
    """What each sponsor gets back now, so that all together have got back `total_to_return`.

    `amounts` is what each has paid, `returned` what it has got back so far. The increment is split by largest remainder
    over what each has *not yet* got back: never negative, never above what it paid, and exact when all is returned, in
    whatever steps. Raises `ValueError` where the total is below what was returned or above what was paid.
    """
    left = [amount - back for amount, back in zip(amounts, returned, strict=True)]
    increment = total_to_return - sum(returned)
    if increment < 0 or increment > sum(left) or min(left, default=0) < 0:
        raise ValueError("a total returned may only grow, up to what was paid")
    if increment == 0:
        return (0,) * len(left)
    return tuple(split_by_weights(increment, left))


class _Set(NamedTuple):
    """Campaigns that may go together, in the order in which they are applied.

    `left_bps` is what they leave to the consumer, rounded down; what they leave of a fee is at least that part of it,
    less `slack_minor`. Of equal ones the first `place` is taken.
    """

    left_bps: int
    slack_minor: int
    place: int
    whole: bool
    bearers: tuple[Bearers, ...]


_Applied = list[tuple[Bearers, list[int] | None]]
"""Campaigns with their sponsors' parts; None where they bear all, and nobody has asked yet how."""


class Pick(msgspec.Struct, frozen=True, gc=False):
    """As `Combination`, with the parts of each campaign's sponsors in their order; a part may be zero."""

    fee_minor: int
    consumer_minor: int
    borne: tuple[tuple[Bearers, list[int]], ...]


class Choices:
    """The ways in which campaigns go together on one order: made once, asked for many orders.

    Exclusive campaigns stand alone; stackable ones of a group are applied in the order of the views to what is left of
    the fee. `wants_sponsored`: some campaign's sponsors bear the whole fee, so that the lender's other price counts.
    """

    __slots__ = ("_others_left_bps", "_sets", "_slack_minor", "_surest", "wants_sponsored")

    def __init__(self, views: Sequence[CampaignView]) -> None:
        groups: dict[str, list[Bearers]] = defaultdict(list)
        combined: list[tuple[Bearers, ...]] = [()]
        alike: set[tuple[Any, ...]] = set()
        for bearers in map(_bearers, views):
            # Of those that leave the same of every fee the first is taken.
            terms = (bearers.weights, bearers.caps)
            if terms not in alike or bearers.low:
                combined.append((bearers,))
            if not bearers.low:
                alike.add(terms)
            if bearers.view.terms.stacking == "stackable":
                groups[bearers.view.terms.stack_group].append(bearers)
        for group in groups.values():
            if len(group) > 1:
                combined.append(tuple(group))
                if any(bearers.whole for bearers in group):
                    combined.append(tuple(bearers for bearers in group if not bearers.whole))
        sets = [
            _Set(
                _left_bps(bearers),
                len(bearers) if len(bearers) > 1 else 0,
                place,
                any(one.whole for one in bearers),
                bearers,
            )
            for place, bearers in enumerate(combined)
        ]
        self._sets = sorted(sets, key=lambda each: (each.left_bps, each.place))
        self._slack_minor = max(each.slack_minor for each in sets)
        self.wants_sponsored = any(each.whole for each in sets)
        (surest, *_) = self._sets[0].bearers or (None,)
        alone = surest is not None and surest.whole and not surest.low and len(self._sets[0].bearers) == 1
        self._surest = surest if alone else None
        # Sets that are whole go by the same fee, and of them the first is taken.
        self._others_left_bps = min(each.left_bps for each in sets if not each.whole)

    def best(self, buyer_fee_minor: int | None, sponsored_fee_minor: int | None) -> Pick | None:
        """The one that leaves the consumer the least to pay; see `best_combination`."""
        surest = self._surest
        if surest is not None:
            fee = buyer_fee_minor if sponsored_fee_minor is None else sponsored_fee_minor
            if fee and fee <= surest.free_minor:
                others = None if buyer_fee_minor is None else buyer_fee_minor * self._others_left_bps // _WHOLE_BPS
                if others is None or others > self._slack_minor:
                    # Its sponsors leave nothing, and whatever is not whole leaves something.
                    return Pick(fee, 0, ((surest, surest.parts(fee)),))
        best: tuple[int, int, int] | None = None
        taken: _Applied = []
        for left_bps, slack, place, whole, bearers in self._sets:
            fee = sponsored_fee_minor if whole and sponsored_fee_minor is not None else buyer_fee_minor
            if fee is None:
                continue
            if best is not None:
                about = fee * left_bps // _WHOLE_BPS
                if about > best[0] + self._slack_minor:
                    # Those behind it leave no less of the same fee.
                    break
                if (about - slack, fee, place) > best:
                    continue
            left, applied = _apply(bearers, fee) if bearers else (fee, [])
            if whole and fee and not (applied if len(bearers) == 1 else any(one.whole for one, _ in applied)):
                continue
            cost = (left, fee, place)
            if best is None or cost < best:
                best, taken = cost, applied
        if best is None:
            return None
        left, fee, _ = best
        if not taken:
            return Pick(fee, left, ())
        borne = [(bearers, bearers.parts(fee) if parts is None else parts) for bearers, parts in taken]
        return Pick(fee, left, tuple(borne))


def _left_bps(bearers: Sequence[Bearers]) -> int:
    left = _WHOLE_BPS
    for one in bearers:
        left = left * one.weights[-1] // _WHOLE_BPS
    return left


def _apply(bearers: Sequence[Bearers], fee_minor: int) -> tuple[int, _Applied]:
    """What is left of a fee when one campaign after the other has borne its part, and the parts."""
    if len(bearers) == 1 and fee_minor:
        (only,) = bearers
        if only.whole and not only.low and fee_minor <= only.free_minor:
            return 0, [(only, None)]
    left = fee_minor
    applied: _Applied = []
    for one in bearers:
        parts = one.parts(left)
        borne = sum(parts)
        if borne and not one.is_dry(parts):
            applied.append((one, parts))
            left -= borne
    return left, applied


def best_combination(
    views: Sequence[CampaignView],
    buyer_fee_minor: int | None,
    sponsored_fee_minor: int | None = None,
    without: Collection[int] = (),
) -> Combination | None:
    """The campaigns that leave the consumer the least to pay.

    A lender asks `sponsored_fee_minor` where some campaign's sponsors bear the whole fee, else `buyer_fee_minor`; None
    is a price that it does not offer (without a sponsored price the buyer's counts). Of equal ones the cheaper for the
    sponsors is taken, then the one that comes first. `without` are campaigns to leave out by id. None where the lender
    has no price for any, not even for the consumer alone.
    """
    usable = [view for view in views if view.campaign_id not in without]
    pick = Choices(usable).best(buyer_fee_minor, sponsored_fee_minor)
    if pick is None:
        return None
    subsidies = tuple(Subsidy(bearers.view, _shares(bearers.view, parts)) for bearers, parts in pick.borne)
    return Combination(pick.fee_minor, subsidies, pick.consumer_minor)
