"""What a channel is, and the one that needs nothing: the app."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Message(msgspec.Struct, frozen=True):
    """A message to one consumer. `message_id` is the same whenever it is tried; `off_url` turns such messages off by
    one tap. `address` is what the channel reaches her by, empty for the app.
    """

    message_id: str
    address: str
    subject: str
    body: str
    off_url: str
    language: str


class NotDelivered(Exception):
    """A message that was not taken. With `again` nothing of it can have arrived, and it may be tried once more later;
    without, it was refused for good, or may have arrived. `down` says that the channel takes nobody's at present.
    """

    def __init__(self, reason: str, *, again: bool, down: bool = False) -> None:
        super().__init__(reason)
        self.again = again
        self.down = down


class Channel(Protocol):
    """A way to reach a consumer."""

    @property
    def name(self) -> str:
        """As consumers choose it."""

    @property
    def is_list(self) -> bool:
        """Whether a message has arrived as soon as it is on record, and nothing is handed over."""

    def deliver(self, message: Message) -> None:
        """Hand it over, waiting for the answer. Raises `NotDelivered`."""


class InAppChannel:
    """What stands in the consumer's list of messages has arrived."""

    name = "in-app"
    is_list = True

    def deliver(self, message: Message) -> None:
        """Nothing is to be done: the list is where messages are kept."""
