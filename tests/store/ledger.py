"""A small aggregate for the tests of the log: a person's account of money."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.actor import Actor, Role
from domain.personal import Personal
from domain.text import Text
from store.log import Change, Entry

MORNING = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
CORRELATION = UUID("11111111-1111-4111-8111-111111111111")
CLOCK = Actor(Role.SYSTEM, "clock")


class Currency(StrEnum):
    SAR = "SAR"
    USD = "USD"


@dataclass(frozen=True, slots=True)
class Limit:
    amount: Decimal
    until: date | None


class Ledger(Aggregate):
    class Opened(Aggregate.Created):
        owner: Personal[str]
        title: Personal[Text | None]
        currency: Currency
        limits: tuple[Limit, ...] = ()

    class Deposited(Aggregate.Event):
        amount: Decimal
        on: date

        def apply(self, ledger: "Ledger") -> None:
            ledger.balance += self.amount

    class Shared(Aggregate.Event):
        """The ledger was shown to another person, whose name it is."""

        about: ClassVar[str] = "guest_id"
        guest_id: UUID
        name: Personal[str]
        seen_at: datetime

        def apply(self, ledger: "Ledger") -> None:
            ledger.guests[self.guest_id] = self.name

    def __init__(self, owner: str | None, title: Text | None, currency: Currency, limits: tuple[Limit, ...]) -> None:
        self.owner = owner
        self.title = title
        self.currency = currency
        self.limits = limits
        self.balance = Decimal(0)
        self.guests: dict[UUID, str] = {}

    @classmethod
    def open(cls, stream: UUID, *, owner: str = "Noura", at: datetime = MORNING) -> "Ledger":
        return cls._create(
            cls.Opened,
            id=stream,
            timestamp=at,
            owner=owner,
            title=Text("توفير", "Savings"),
            currency=Currency.SAR,
            limits=(Limit(Decimal("99.50"), date(2026, 12, 31)), Limit(Decimal(7), None)),
        )

    def deposit(self, amount: int, *, at: datetime = MORNING) -> None:
        self.trigger_event(self.Deposited, timestamp=at, amount=Decimal(amount), on=at.date())

    def share(self, guest_id: UUID, name: str, *, at: datetime = MORNING) -> None:
        self.trigger_event(self.Shared, timestamp=at, guest_id=guest_id, name=name, seen_at=at)


class Counter(Aggregate):
    """As little as an aggregate can be, without personal data."""

    class Started(Aggregate.Created):
        pass

    class Counted(Aggregate.Event):
        by: int

        def apply(self, counter: "Counter") -> None:
            counter.total += self.by

    def __init__(self) -> None:
        self.total = 0

    @classmethod
    def start(cls, stream: UUID) -> "Counter":
        return cls._create(cls.Started, id=stream, timestamp=MORNING)

    def count(self, by: int = 1) -> None:
        self.trigger_event(self.Counted, timestamp=MORNING, by=by)


def entries(*aggregates: Aggregate, recorded_at: datetime | None = None) -> list[Entry]:
    """What the aggregates have pending, one after the other."""
    return [
        Entry(event=event, actor=CLOCK, correlation_id=CORRELATION, recorded_at=recorded_at)
        for aggregate in aggregates
        for event in aggregate.collect_events()
    ]


def change_of(*aggregates: Aggregate) -> Change:
    """What the aggregates have pending, expected right behind the versions they were loaded with."""
    expected = {aggregate.id: aggregate.version - len(aggregate.pending_events) for aggregate in aggregates}
    return Change(entries=entries(*aggregates), expected=expected)
