"""Exit/re-entry visas as they are now."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from domain.calendar import riyadh_day
from domain.personal import Personal
from domain.text import Text
from domain.visa import MovementDirection, Visa
from domain.visa_terms import VisaBasis, VisaStatus, VisaType
from projections.read_model import ReadModel, Row
from store.codec import Recorded


class MovementEntry(msgspec.Struct):
    id: UUID
    direction: MovementDirection
    port: Text
    at: datetime
    refused: bool = False  # reported, but the state of the visa does not allow it
    voided: bool = False  # recorded in error

    @property
    def counts(self) -> bool:
        return not (self.refused or self.voided)


class ExtensionEntry(msgspec.Struct):
    granted_at: datetime
    return_before: date
    fee: Decimal
    departure: UUID  # the movement of the trip that it was granted on


class PenaltyEntry(msgspec.Struct):
    amount: Decimal
    assessed_on: date


class VisaRow(Row):
    id: UUID
    number: str
    holder_id: UUID
    sponsor_id: UUID | None
    type: VisaType
    basis: VisaBasis
    duration_days: int
    status: VisaStatus
    status_since: datetime
    issued_at: datetime
    issued_on: date
    exit_before: date
    return_before: date | None
    fee: Decimal
    passport_number: Personal[str | None]
    replaces: str | None  # the number of the void visa that it corrects
    movements: list[MovementEntry]  # in the order of their reports
    extensions: list[ExtensionEntry]  # oldest first
    penalties: list[PenaltyEntry]

    @property
    def extended(self) -> bool:
        return bool(self.extensions)


class Visas(ReadModel[VisaRow]):
    name = "visa"
    version = 3
    follows = Visa
    person_column = "holder_id"
    row = VisaRow
    columns = """
        id uuid PRIMARY KEY, number text NOT NULL, holder_id uuid NOT NULL, sponsor_id uuid,
        type text NOT NULL, basis text NOT NULL, duration_days integer NOT NULL,
        status text NOT NULL, status_since timestamptz NOT NULL, issued_at timestamptz NOT NULL,
        issued_on date NOT NULL, exit_before date NOT NULL, return_before date, fee numeric(12, 2) NOT NULL,
        passport_number text, replaces text, movements json NOT NULL, extensions json NOT NULL, penalties json NOT NULL
    """
    indexes = ("UNIQUE (number)", "(holder_id, issued_at, id)", "(replaces) WHERE replaces IS NOT NULL")

    def apply(self, row: VisaRow | None, recorded: Recorded) -> VisaRow | None:
        event = recorded.event
        if isinstance(event, Visa.Issued):
            return VisaRow(
                id=event.originator_id,
                number=event.number,
                holder_id=event.holder_id,
                sponsor_id=event.sponsor_id,
                type=event.type,
                basis=event.basis,
                duration_days=event.duration_days,
                status=VisaStatus.ISSUED,
                status_since=event.timestamp,
                issued_at=event.timestamp,
                issued_on=event.issued_on,
                exit_before=event.exit_before,
                return_before=event.return_before,
                fee=event.fee,
                passport_number=event.passport_number,
                replaces=event.replaces,
                movements=[],
                extensions=[],
                penalties=[],
            )
        if row is None:
            raise TypeError(f"{type(event).__qualname__} before the visa was issued")
        match event:
            case Visa.Cancelled():
                now_is(row, VisaStatus.CANCELLED, event)
            case Visa.Departed():
                now_is(row, VisaStatus.DEPARTED, event)
                row.return_before = event.return_before
                moved(row, event.movement_id, MovementDirection.DEPARTURE, event.port, event.departed_at)
                if event.reverses_penalty:
                    row.penalties.pop()
            case Visa.Returned():
                now_is(row, VisaStatus.COMPLETED if event.completed else VisaStatus.ACTIVE, event)
                moved(row, event.movement_id, MovementDirection.RETURN, event.port, event.returned_at)
            case Visa.MovementRefused():
                row.movements.append(
                    MovementEntry(event.movement_id, event.direction, event.port, event.at, refused=True)
                )
            case Visa.MovementVoided():
                void_movement(row, event)
            case Visa.Extended():
                now_is(row, VisaStatus.DEPARTED, event)
                row.return_before = event.return_before
                granted = ExtensionEntry(event.timestamp, event.return_before, event.fee, departure_of(row))
                row.extensions.append(granted)
            case Visa.Voided():
                now_is(row, VisaStatus.VOIDED, event)
                row.penalties.clear()
            case Visa.LapsedUnused():
                now_is(row, VisaStatus.LAPSED_UNUSED, event)
                row.penalties.append(PenaltyEntry(event.penalty, event.lapsed_on))
            case Visa.ExpiredOutside():
                now_is(row, VisaStatus.EXPIRED_OUTSIDE, event)
            case Visa.NotReturned():
                now_is(row, VisaStatus.EXITED_NOT_RETURNED, event)
            case Visa.ExpiredInside():
                now_is(row, VisaStatus.COMPLETED, event)
            case _:
                raise TypeError(f"{type(event).__qualname__} is not an event of a visa")
        return row


def now_is(row: VisaRow, status: VisaStatus, event: Visa.Event) -> None:
    if row.status is not status:
        row.status = status
        row.status_since = event.timestamp


def moved(row: VisaRow, id: UUID, direction: MovementDirection, port: Text, at: datetime) -> None:
    """Take in a movement that counts, in place of an earlier report of it that was refused."""
    row.movements = [entry for entry in row.movements if not (entry.refused and entry.id == id)]
    row.movements.append(MovementEntry(id, direction, port, at))


def void_movement(row: VisaRow, event: Visa.MovementVoided) -> None:
    """As before the last movement, since when it was so; an extension of a trip goes with its departure."""
    *earlier, last = (entry for entry in row.movements if entry.counts)
    last.voided = True
    row.status = event.status
    row.return_before = event.return_before
    row.extensions = [extension for extension in row.extensions if extension.departure != event.movement_id]
    row.status_since = moved_since(row, earlier[0], earlier[-1]) if earlier else row.issued_at


def moved_since(row: VisaRow, first: MovementEntry, last: MovementEntry) -> datetime:
    """Since when a visa stands as its last movement left it: an extension after the return day has begun that anew."""
    months = row.basis is VisaBasis.MONTHS
    return_before = riyadh_day(first.at) + timedelta(days=row.duration_days) if months else row.exit_before
    since = last.at
    for extension in row.extensions:
        if extension.departure == last.id and riyadh_day(extension.granted_at) > return_before:
            since = extension.granted_at
        return_before = extension.return_before
    return since


def departure_of(row: VisaRow) -> UUID:
    """The movement of the trip that the holder is on."""
    return next(entry.id for entry in reversed(row.movements) if entry.counts)
