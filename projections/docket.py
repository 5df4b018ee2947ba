"""What is counted per person, as it is now."""

from datetime import date
from uuid import UUID

from domain.docket import Docket
from projections.read_model import ReadModel, Row
from store.codec import Recorded


class DocketRow(Row):
    """Numbers of visas and violations, as in the docket."""

    id: UUID
    person_id: UUID
    open_visas: list[str]
    outside: list[str]
    lapses: list[str]
    unpaid_violations: list[str]
    open_objections: list[str]
    rejections: dict[str, date]  # violation number → day of the decision


class Dockets(ReadModel[DocketRow]):
    name = "docket"
    follows = Docket
    row = DocketRow
    columns = """
        id uuid PRIMARY KEY, person_id uuid NOT NULL, open_visas text[] NOT NULL, outside text[] NOT NULL,
        lapses text[] NOT NULL, unpaid_violations text[] NOT NULL, open_objections text[] NOT NULL,
        rejections json NOT NULL
    """
    indexes = ("UNIQUE (person_id)",)

    def apply(self, row: DocketRow | None, recorded: Recorded) -> DocketRow | None:
        event = recorded.event
        if isinstance(event, Docket.Opened):
            return DocketRow(event.originator_id, event.person_id, [], [], [], [], [], {})
        if row is None:
            raise TypeError(f"{type(event).__qualname__} before the docket was opened")
        match event:
            case Docket.VisaOpened():
                row.open_visas.append(event.number)
            case Docket.VisaClosed():
                row.open_visas.remove(event.number)
            case Docket.HolderLeft():
                row.outside.append(event.number)
            case Docket.HolderCameBack():
                row.outside.remove(event.number)
            case Docket.VisaLapsed():
                row.lapses.append(event.number)
            case Docket.LapseReversed():
                row.lapses.remove(event.number)
            case Docket.ViolationFellDue():
                row.unpaid_violations.append(event.number)
            case Docket.ViolationSettled():
                row.unpaid_violations.remove(event.number)
            case Docket.ObjectionOpened():
                row.open_objections.append(event.number)
            case Docket.ObjectionClosed():
                row.open_objections.remove(event.number)
                if event.rejected_on is not None:
                    row.rejections[event.number] = event.rejected_on
            case Docket.CourtCaseOpened() | Docket.CourtCaseClosed():
                pass  # decides on an erasure; nobody asks for it
            case _:
                raise TypeError(f"{type(event).__qualname__} is not an event of a docket")
        return row
