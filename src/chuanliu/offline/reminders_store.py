"""The offline job that gives reminders: each at most once for its occasion and channel, also when it is killed.

A reminder is claimed by a row before it is given. Whoever dies between the two leaves it claimed, and nobody gives it
again: a reminder too few does less harm than one too many.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import structlog

from chuanliu.assistant import EMAIL, Claim, Overview, is_quiet, occasions_of, reminder_store, words_of
from chuanliu.clock import HOUR, MINUTE, Micros
from chuanliu.connectors import Channel, Message, NotDelivered
from chuanliu.offline.job_store import Connection

log = structlog.get_logger()

_PAGE: Final = 16

Look = Callable[[Sequence[int]], Sequence[Overview]]
"""Overviews of consumers, read in one snapshot."""


class Reminders:
    """Looks at every consumer who wants to be reminded. Its unit is a consumer.

    `off_url` makes the link by which one turns reminders off; `now` is the clock.
    """

    name: Final = "reminders"
    every: Final[Micros] = 15 * MINUTE
    within: Final[Micros] = 2 * HOUR

    def __init__(
        self,
        look: Look,
        channels: Mapping[str, Channel],
        off_url: Callable[[int], str],
        now: Callable[[], Micros] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._look = look
        self._channels = channels
        self._off_url = off_url
        self._now = now

    def remaining(self, connection: Connection) -> int:
        """Consumers who want to be reminded."""
        return reminder_store.count_wanting(connection)

    def chunks(self, connection: Connection) -> Iterator[int]:
        """Each chunk looks at a few consumers and puts their reminders on record, or hands one message over."""
        after = (-1, 0)
        down: set[str] = set()
        while page := reminder_store.wanting(connection, after, _PAGE):
            after = page[-1]
            overviews = {each.profile.consumer_id: each for each in self._look([number for _, number in page])}
            asked = self._asked(list(overviews.values()))
            reminder_store.claim(connection, [each for each in asked if self._channels[each.channel].is_list], "sent")
            outward = [each for each in asked if not self._channels[each.channel].is_list]
            for one in reminder_store.unclaimed(connection, outward):
                # Claimed one by one: whoever is killed here loses this one only.
                if one.channel not in down and reminder_store.claim(connection, [one]):
                    self._give(connection, one, overviews[one.consumer_id], down)
                    yield 0
            yield len(page)

    def _asked(self, overviews: Sequence[Overview]) -> list[Claim]:
        """What is to be given to whom by which channel, but in nobody's quiet hours."""
        now, found = self._now(), []
        for overview in overviews:
            profile = overview.profile
            if not profile.reminders or is_quiet(profile, now):
                continue
            for occasion in occasions_of(overview):
                subject, body = words_of(occasion, overview.currency, profile.language)
                found += [
                    Claim(profile.consumer_id, occasion.key, name, subject, body)
                    for name in profile.channels.split(",")
                    if name in self._channels
                ]
        return found

    def _give(self, connection: Connection, one: Claim, overview: Overview, down: set[str]) -> None:
        """Hand one over. A channel that cannot be reached is left alone for the rest of the run."""
        profile = overview.profile
        off_url = self._off_url(one.consumer_id)
        message = Message(
            f"{one.occasion}.{secrets.token_hex(8)}",
            profile.email if one.channel == EMAIL else "",
            one.subject,
            f"{one.body}\n\n{off_url}\n",
            off_url,
            profile.language,
        )
        try:
            self._channels[one.channel].deliver(message)
        except NotDelivered as error:
            log.warning("a reminder was not delivered", channel=one.channel, reason=str(error), again=error.again)
            if error.down:
                down.add(one.channel)
            if error.again:
                reminder_store.release(connection, one)
            else:
                reminder_store.finish(connection, one, "failed")
        else:
            reminder_store.finish(connection, one, "sent")
