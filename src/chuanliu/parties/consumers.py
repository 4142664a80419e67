"""Consumers: their wallet, payment codes, and signing in with the pay password."""

from __future__ import annotations

from typing import Final

import msgspec

from chuanliu.clock import HOUR, MINUTE, SECOND, Micros
from chuanliu.engine import Command, Context, Keys, Query, Reference, Rows, Seen
from chuanliu.errors import Busy, Invalid, NotFound, Refused
from chuanliu.ids import account_cell, cell_of_party, cell_of_text, is_shadow, party_number
from chuanliu.ledger import ACCOUNT, SANDBOX, Account, Chart, account_of, lock_account, post
from chuanliu.parties.key_material import require_name
from chuanliu.parties.numbering import lock_counter, next_party, open_first_account
from chuanliu.parties.tables import CONSUMER, PAYMENT_CODE, Consumer, PaymentCode

CONFIRM_ABOVE_DEFAULT_MINOR: Final = 1000_00
"""1000.00 CNY: what a code pays without asking its payer again."""

CODE_LASTS: Final = 60 * SECOND
CODE_LASTS_MAX: Final = 24 * HOUR
CODES_MAX: Final = 10_000
CODE_DIGITS: Final = 18
_CODE_FIRST: Final = 28 * 10**16

SHADOW_SANDBOX: Final = party_number(900_000_000_000)
"""The party that funds consumers of rehearsals: the first number of the shadow range, which is given to nobody."""

ATTEMPTS_MAX: Final = 5
LOCKED_FOR: Final = 15 * MINUTE
BALANCE_MAX_MINOR: Final = 10_000_000_000_00


class ConsumerView(msgspec.Struct, frozen=True):
    """A consumer with the balance account of one currency."""

    consumer: Consumer
    account: Account | None


def payment_code_number(randomness: int) -> int:
    """A payment code, 18 digits beginning 28, from a random number below 10^16."""
    if not 0 <= randomness < 10**16:
        raise ValueError("a payment code takes a random number below 10^16")
    return _CODE_FIRST + randomness


def _require_consumer(rows: Rows, consumer_id: int) -> Consumer:
    consumer = rows.get(CONSUMER, cell_of_party(consumer_id), consumer_id)
    if consumer is None:
        raise NotFound("consumer_not_found")
    return consumer


def _funding_account(consumer_id: int, currency: str) -> int:
    """Where sandbox money comes from: rehearsals have a source of their own, as shadow money never meets real money."""
    funder = SHADOW_SANDBOX if is_shadow(cell_of_party(consumer_id)) else SANDBOX
    return account_of(funder, Chart.SANDBOX_FUNDING, currency)


def _require_limit(minor: int, field: str) -> None:
    if not 0 <= minor <= BALANCE_MAX_MINOR:
        raise Invalid("invalid_amount", f"{field} is out of range", field=field)


class AddConsumer(Command[Consumer], frozen=True):
    """Add a consumer with a wallet whose balance comes from the sandbox's funding account.

    Money from nothing: callers allow a balance only in the sandbox. Raises `Invalid` for name and amounts.
    """

    name: str
    pay_password_hash: str
    balance_minor: int = 0
    confirm_above_minor: int = CONFIRM_ABOVE_DEFAULT_MINOR
    currency: str = "CNY"
    shadow: bool = False

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_counter(keys)

    def decide(self, rows: Rows, context: Context) -> Consumer:
        name = require_name(self.name)
        _require_limit(self.balance_minor, "balance")
        _require_limit(self.confirm_above_minor, "confirm_above")
        consumer_id = next_party(rows, shadow=self.shadow)
        cell = cell_of_party(consumer_id)
        consumer = Consumer(
            cell, consumer_id, name, "active", self.pay_password_hash, self.confirm_above_minor, context.now
        )
        rows.insert(CONSUMER, consumer)
        account = open_first_account(rows, context, consumer_id, Chart.CONSUMER_BALANCE, self.currency)
        if self.balance_minor:
            funding = _funding_account(consumer_id, self.currency)
            post(rows, context, cell, funding, account.account_id, self.balance_minor, "top_up", consumer_id)
        return consumer


class TopUp(Command[int], frozen=True):
    """Put sandbox money on a consumer's balance; the outcome is the new balance. Only for the sandbox.

    Raises `NotFound(consumer_not_found)`, `Invalid(invalid_amount)`.
    """

    consumer_id: int
    amount_minor: int
    currency: str = "CNY"

    @property
    def _account(self) -> int:
        return account_of(self.consumer_id, Chart.CONSUMER_BALANCE, self.currency)

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        lock_account(keys, self._account)

    def decide(self, rows: Rows, context: Context) -> int:
        cell = account_cell(self._account)
        account = rows.get(ACCOUNT, cell, self._account)
        if account is None:
            raise NotFound("consumer_not_found")
        _require_limit(self.amount_minor, "amount")
        _require_limit(account.balance_minor + self.amount_minor, "amount")
        funding = _funding_account(self.consumer_id, self.currency)
        post(rows, context, cell, funding, self._account, self.amount_minor, "top_up", self.consumer_id)
        return account.balance_minor + self.amount_minor


class ChangeConsumer(Command[Consumer], frozen=True):
    """Change what is not None. `blocked` shuts the wallet: nothing leaves it, whatever way is tried; refunds arrive.

    A new password hash lifts the lock that wrong passwords brought. Raises `NotFound(consumer_not_found)`.
    """

    consumer_id: int
    blocked: bool | None = None
    confirm_above_minor: int | None = None
    pay_password_hash: str | None = None
    currency: str = "CNY"

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.lock(CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        if self.blocked is not None:
            lock_account(keys, account_of(self.consumer_id, Chart.CONSUMER_BALANCE, self.currency))

    def decide(self, rows: Rows, context: Context) -> Consumer:
        consumer = _require_consumer(rows, self.consumer_id)
        if self.confirm_above_minor is not None:
            _require_limit(self.confirm_above_minor, "confirm_above")
            consumer = consumer.changed(confirm_above_minor=self.confirm_above_minor)
        if self.pay_password_hash is not None:
            consumer = consumer.changed(pay_password_hash=self.pay_password_hash, failed_attempts=0, locked_until=None)
        if self.blocked is not None:
            consumer = consumer.changed(status="blocked" if self.blocked else "active")
            account_number = account_of(self.consumer_id, Chart.CONSUMER_BALANCE, self.currency)
            account = rows.get(ACCOUNT, account_cell(account_number), account_number)
            if account is not None:
                rows.update(ACCOUNT, account.changed(status="blocked" if self.blocked else "open"))
        rows.update(CONSUMER, consumer)
        return consumer


class MintCodes(Command[tuple[PaymentCode, ...]], frozen=True):
    """Fresh payment codes of a consumer, each valid once and for `lasts` microseconds (at most a day).

    `codes` come from `payment_code_number`. Raises `NotFound(consumer_not_found)`, `Refused(buyer_blocked)`, `Invalid`
    for more than 10 000 codes or a wrong time, and `Busy` in the rare case that a number is taken: draw again.
    """

    consumer_id: int
    codes: tuple[int, ...]
    lasts: Micros = CODE_LASTS

    @property
    def weight(self) -> int:
        """Rows that this may touch."""
        return 2 + 2 * len(self.codes)

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.lock(CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)
        for code in self.codes:
            keys.lock(PAYMENT_CODE, *payment_code_key(code))

    def decide(self, rows: Rows, context: Context) -> tuple[PaymentCode, ...]:
        if not 1 <= len(self.codes) <= CODES_MAX:
            raise Invalid("invalid_parameter", f"count must be 1 to {CODES_MAX}", field="count")
        if not SECOND <= self.lasts <= CODE_LASTS_MAX:
            raise Invalid("invalid_parameter", "codes last from a second to a day", field="valid")
        consumer = _require_consumer(rows, self.consumer_id)
        if consumer.status != "active":
            raise Refused("buyer_blocked")
        minted = tuple(
            PaymentCode(
                *payment_code_key(code),
                self.consumer_id,
                consumer.confirm_above_minor,
                context.now + self.lasts,
                None,
            )
            for code in self.codes
        )
        for code in minted:
            if rows.has(PAYMENT_CODE, code.cell, code.code):
                raise Busy("a payment code's number is taken; draw again")
            rows.insert(PAYMENT_CODE, code)
        return minted


def payment_code_key(code: int) -> tuple[int, int]:
    """Under which key a payment code is kept."""
    return cell_of_text(str(code)), code


def usable_code(code: PaymentCode | None, now: Micros) -> PaymentCode:
    """The payment code, if it can still be used. Raises `Refused(payment_code_invalid)`."""
    if code is None or code.used_at is not None or code.expires_at <= now:
        raise Refused("payment_code_invalid", field="auth_code")
    return code


class StartSignIn(Command[Consumer], frozen=True):
    """Begin to check a pay password: count the attempt as failed first, and hand out the consumer with the hash.

    Counting before checking keeps many tries at once within the limit too. After a right password comes `EndSignIn`.
    Raises `NotFound(consumer_not_found)`, `Refused(buyer_blocked)`, and `Refused(pay_password_locked)` while locked:
    after five wrong passwords in a row, for 15 minutes.
    """

    consumer_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.lock(CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def decide(self, rows: Rows, context: Context) -> Consumer:
        consumer = _require_consumer(rows, self.consumer_id)
        if consumer.status != "active":
            raise Refused("buyer_blocked")
        if consumer.locked_until is not None and consumer.locked_until > context.now:
            raise Refused("pay_password_locked")
        failed = consumer.failed_attempts + 1 if consumer.locked_until is None else 1
        locked_until = context.now + LOCKED_FOR if failed >= ATTEMPTS_MAX else None
        counted = consumer.changed(failed_attempts=failed, locked_until=locked_until)
        rows.update(CONSUMER, counted)
        return counted


class EndSignIn(Command[None], frozen=True):
    """The password was right: forget the attempts. Raises `NotFound(consumer_not_found)`."""

    consumer_id: int

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        keys.lock(CONSUMER, cell_of_party(self.consumer_id), self.consumer_id)

    def decide(self, rows: Rows, context: Context) -> None:
        consumer = _require_consumer(rows, self.consumer_id)
        rows.update(CONSUMER, consumer.changed(failed_attempts=0, locked_until=None))


class FindConsumer(Query[ConsumerView], frozen=True):
    """A consumer with her balance. Raises `NotFound(consumer_not_found)`."""

    consumer_id: int
    currency: str = "CNY"

    def discover(self, seen: Seen, keys: Keys, reference: Reference) -> None:
        cell = cell_of_party(self.consumer_id)
        keys.look(CONSUMER, cell, self.consumer_id)
        keys.look(ACCOUNT, cell, account_of(self.consumer_id, Chart.CONSUMER_BALANCE, self.currency))

    def answer(self, seen: Seen, context: Context) -> ConsumerView:
        cell = cell_of_party(self.consumer_id)
        consumer = seen.get(CONSUMER, cell, self.consumer_id)
        if consumer is None:
            raise NotFound("consumer_not_found")
        account = account_of(self.consumer_id, Chart.CONSUMER_BALANCE, self.currency)
        return ConsumerView(consumer, seen.get(ACCOUNT, cell, account))
