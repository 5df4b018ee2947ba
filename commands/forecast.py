"""What forecasts are made from: read like a command reads it, and never recorded."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import date
from uuid import UUID

from domain.docket import Docket
from domain.forecast import ViolationCase, VisaCase
from domain.violation import Violation
from domain.visa import Visa
from store.log import Log
from store.work import Work


async def visa_cases(log: Log, holders: Mapping[UUID, UUID], *, until: date) -> dict[UUID, VisaCase]:
    """Visas with all that may fall due for their holders until a day, in two statements however many.

    What has been decided is read by the second one alone, as of one moment. What has become a case in between is left out,
    as if it had come later; nothing that a forecast tells depends on it.

    Args:
        log: the record.
        holders: visa → its holder, which never changes.
        until: the last day.
    """
    due = [stream for _, stream in await log.due(until=until, limit=None, people={*holders.values()})]
    work = Work(log)
    await work.read({*holders, *due, *map(Docket.create_id, holders.values())})
    others: dict[UUID, list[Visa | Violation]] = defaultdict(list)
    for stream in due:
        case = work.seen(stream)
        if isinstance(case, Visa | Violation):
            others[case.person_id].append(case)
    cases = {}
    for stream, holder in holders.items():
        visa, docket = work.seen(stream), work.seen(Docket.create_id(holder))
        if isinstance(visa, Visa) and isinstance(docket, Docket):
            cases[stream] = VisaCase(visa, docket, tuple(case for case in others[holder] if case.id != stream))
    return cases


async def violation_cases(log: Log, violations: Collection[UUID]) -> dict[UUID, ViolationCase]:
    """Violations with their violators' dockets, in two statements however many."""
    work = Work(log)
    await work.read(violations)
    found = [violation for stream in violations if isinstance(violation := work.seen(stream), Violation)]
    await work.read({Docket.create_id(violation.violator_id) for violation in found})
    cases = {}
    for violation in found:
        docket = work.seen(Docket.create_id(violation.violator_id))
        if docket is None:  # nothing was ever counted
            docket = Docket.open(violation.violator_id, now=violation.modified_on)
        if isinstance(docket, Docket):
            cases[violation.id] = ViolationCase(violation, docket)
    return cases
