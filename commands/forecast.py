"""What forecasts are made from: read like a command reads it, and never recorded."""

from collections import defaultdict
from collections.abc import Collection
from datetime import date
from uuid import UUID

from domain.docket import Docket
from domain.forecast import ViolationCase, VisaCase
from domain.violation import Violation
from domain.visa import Visa
from store.log import Log
from store.work import Work


async def visa_cases(log: Log, visas: Collection[UUID], *, until: date) -> dict[UUID, VisaCase]:
    """Visas with all that may fall due for their holders until a day, in three statements however many."""
    work = Work(log)
    await work.read(visas)
    found = [visa for stream in visas if isinstance(visa := work.seen(stream), Visa)]
    holders = {visa.holder_id for visa in found}
    due = [stream for _, stream in await log.due(until=until, limit=None, people=holders)]
    await work.read({*due, *map(Docket.create_id, holders)})
    others: dict[UUID, list[Visa | Violation]] = defaultdict(list)
    for stream in due:
        case = work.seen(stream)
        if isinstance(case, Visa | Violation):
            others[case.person_id].append(case)
    cases = {}
    for visa in found:
        docket = work.seen(Docket.create_id(visa.holder_id))
        if isinstance(docket, Docket):
            beside = tuple(case for case in others[visa.holder_id] if case.id != visa.id)
            cases[visa.id] = VisaCase(visa, docket, beside)
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
