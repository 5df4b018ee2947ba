"""Whatever happens, and in whatever order it is reported."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from eventsourcing.domain import Aggregate
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.calendar import riyadh_day
from domain.docket import Docket
from domain.dues import NOTHING, UNPAID, ViolationStatus
from domain.errors import ProblemCode, Refused
from domain.objection import (
    OPEN_OBJECTION,
    CourtOutcome,
    ObjectionOutcome,
    ObjectionReason,
    ObjectionStatus,
    objection_problems,
)
from domain.violation import Violation
from domain.visa import MovementDirection, Visa
from domain.visa_terms import OPEN, OUTSIDE, VisaBasis, VisaStatus, VisaType, issue_problems, terms
from tests.examples import (
    AIRPORT,
    EXPLANATION,
    MARYAM,
    SALMAN,
    docket,
    noon,
    replayed,
    violation,
    visa,
)

START = date(2026, 1, 1)

# The diagrams of the design (domain.md).
VISA_STATES = {
    ("ISSUED", "CANCELLED"),
    ("ISSUED", "DEPARTED"),
    ("ISSUED", "LAPSED_UNUSED"),
    ("DEPARTED", "COMPLETED"),
    ("DEPARTED", "ACTIVE"),
    ("DEPARTED", "EXPIRED_OUTSIDE"),
    ("ACTIVE", "DEPARTED"),
    ("ACTIVE", "COMPLETED"),
    ("EXPIRED_OUTSIDE", "COMPLETED"),
    ("EXPIRED_OUTSIDE", "EXITED_NOT_RETURNED"),
    ("EXITED_NOT_RETURNED", "COMPLETED"),
    ("EXPIRED_OUTSIDE", "DEPARTED"),  # extended
    ("LAPSED_UNUSED", "DEPARTED"),  # from here on: a movement reported late
    ("EXPIRED_OUTSIDE", "ACTIVE"),
    ("EXITED_NOT_RETURNED", "ACTIVE"),
    ("COMPLETED", "DEPARTED"),  # a multiple visa that had run out inside (decision 10); or a return voided
    ("DEPARTED", "ISSUED"),  # from here on: a movement voided
    ("EXPIRED_OUTSIDE", "ISSUED"),
    ("EXITED_NOT_RETURNED", "ISSUED"),
    *((state.value, "VOIDED") for state in VisaStatus if state is not VisaStatus.VOIDED),
}
VIOLATION_STATES = {
    ("RECORDED", "NOTIFIED"),
    ("NOTIFIED", "UNDER_OBJECTION"),
    ("NOTIFIED", "PAID"),
    ("NOTIFIED", "FINAL_DUE"),
    ("UNDER_OBJECTION", "CANCELLED"),
    ("UNDER_OBJECTION", "REFUND_PENDING"),
    ("UNDER_OBJECTION", "PAID"),
    ("UNDER_OBJECTION", "FINAL_DUE"),
    ("FINAL_DUE", "PAID"),
    ("FINAL_DUE", "EXTENDED"),
    ("FINAL_DUE", "OVERDUE"),
    ("EXTENDED", "PAID"),
    ("EXTENDED", "OVERDUE"),
    ("OVERDUE", "PAID"),
    ("OVERDUE", "ENFORCED"),
    ("ENFORCED", "PAID"),
    ("REFUND_PENDING", "REFUNDED"),
    # More was paid than is due, as a feed reports.
    *(
        (state, "REFUND_PENDING")
        for state in ("NOTIFIED", "FINAL_DUE", "EXTENDED", "OVERDUE", "ENFORCED", "PAID", "CANCELLED", "REFUNDED")
    ),
    # A court cancels or modifies from any state.
    *((state, "CANCELLED") for state in ("FINAL_DUE", "EXTENDED", "OVERDUE", "ENFORCED")),
    *((state, "FINAL_DUE") for state in ("EXTENDED", "OVERDUE", "ENFORCED")),
    *((state.value, "VOIDED") for state in ViolationStatus if state is not ViolationStatus.VOIDED),
}
OPEN_STATES = ("SUBMITTED", "UNDER_REVIEW", "INFO_REQUESTED")
OBJECTION_STATES = {
    (None, "SUBMITTED"),
    ("SUBMITTED", "UNDER_REVIEW"),
    ("UNDER_REVIEW", "INFO_REQUESTED"),
    ("INFO_REQUESTED", "UNDER_REVIEW"),
    ("UNDER_REVIEW", "ACCEPTED"),
    ("UNDER_REVIEW", "FINE_MODIFIED"),
    ("UNDER_REVIEW", "REJECTED"),
    *((state, "WITHDRAWN") for state in OPEN_STATES),
    *((state, "APPEALED_TO_COURT") for state in ("REJECTED", "FINE_MODIFIED")),
    *(("APPEALED_TO_COURT", f"COURT_{outcome}") for outcome in ("CANCELLED", "MODIFIED", "UPHELD")),
}


@dataclass
class World:
    """One person's visas, violations and docket, changed as commands change them."""

    punctual: bool
    visas: list[Visa]
    violations: list[Violation]
    docket: Docket = field(default_factory=lambda: docket(on=START))
    now: datetime = field(default_factory=lambda: noon(START))
    refused: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for case in self.cases:
            self.note(case)

    @property
    def cases(self) -> list[Visa | Violation]:
        return [*self.violations, *self.visas]

    @property
    def today(self) -> date:
        return riyadh_day(self.now)

    def note(self, case: Visa | Violation) -> None:
        if isinstance(case, Visa):
            self.docket.note_visa(case, now=self.now)
        else:
            self.docket.note_violation(case, now=self.now)

    def tick(self) -> None:
        """The clock, on each day: what is due, by day and stream."""
        while due := [(case.due_on, case.id, case) for case in self.cases if case.due_on and case.due_on <= self.today]:
            on, _, case = min(due, key=lambda found: (found[0], found[1]))
            self.docket.bring_up_to([case], on)

    def carry_out(self, case: Visa | Violation, decide: Callable[[Any], object]) -> None:
        try:
            decide(case)
        except Refused as refusal:
            self.refused.append(str(refusal))
        self.note(case)
        self.bring_up(case)

    def let_pass(self, days: int, case: Visa | Violation) -> None:
        self.now += timedelta(days=days)
        if self.punctual:
            self.tick()
        self.bring_up(case)

    def bring_up(self, case: Visa | Violation) -> None:
        """What a command on a visa depends on can be any case of the person; a violation's is its own."""
        self.docket.bring_up_to(self.cases if isinstance(case, Visa) else [case], self.today)


@dataclass(frozen=True)
class Step:
    """Something is asked for some days after the last step; `ago` days back it happened."""

    after: int
    case: int
    choice: int
    sensible: bool  # or whatever comes, which is mostly refused
    ago: int
    amount: str | None

    def of(self, choices: tuple[str, ...]) -> str:
        return choices[self.choice % len(choices)]


UNUSED = {VisaStatus.ISSUED, VisaStatus.CANCELLED, VisaStatus.LAPSED_UNUSED}
VISA_STEPS = ("DEPARTURE", "RETURN", "cancel", "extend", "void", "voidMovement", "issue")
VIOLATION_STEPS = (
    *("notify", "pay", "refund", "extend", "void", "object", "review", "ask", "supply", "withdraw"),
    *("accept", "modify", "reject", "appeal", "court cancels", "court modifies", "court upholds"),
)
SENSIBLE_FOR_VISAS: dict[VisaStatus, tuple[str, ...]] = {
    VisaStatus.ISSUED: ("DEPARTURE", "DEPARTURE", "DEPARTURE", "DEPARTURE", "cancel"),
    VisaStatus.DEPARTED: ("RETURN", "RETURN", "extend", "voidMovement"),
    VisaStatus.EXPIRED_OUTSIDE: ("RETURN", "extend", "voidMovement"),
    VisaStatus.EXITED_NOT_RETURNED: ("RETURN", "voidMovement"),
    VisaStatus.ACTIVE: ("DEPARTURE", "DEPARTURE", "voidMovement"),
    VisaStatus.COMPLETED: ("issue", "voidMovement", "DEPARTURE"),
    VisaStatus.LAPSED_UNUSED: ("DEPARTURE", "issue", "void"),
    VisaStatus.CANCELLED: ("issue", "void"),
    VisaStatus.VOIDED: ("issue",),
}
SENSIBLE: dict[object, tuple[str, ...]] = {
    ViolationStatus.RECORDED: ("notify", "notify", "pay"),
    ViolationStatus.NOTIFIED: ("object", "object", "pay"),
    ViolationStatus.FINAL_DUE: ("extend", "appeal", "appeal", "pay"),
    ViolationStatus.EXTENDED: ("appeal", "appeal", "pay"),
    ViolationStatus.PAID: ("appeal", "appeal", "pay"),
    ViolationStatus.REFUND_PENDING: ("refund", "refund", "appeal", "pay"),
    ObjectionStatus.SUBMITTED: ("review", "review", "review", "pay", "withdraw"),
    ObjectionStatus.UNDER_REVIEW: ("accept", "modify", "reject", "reject", "ask", "pay"),
    ObjectionStatus.INFO_REQUESTED: ("supply", "supply", "pay", "withdraw"),
    ObjectionStatus.APPEALED_TO_COURT: ("court cancels", "court modifies", "court upholds", "pay", "extend"),
}

steps = st.lists(
    st.builds(
        Step,
        after=st.sampled_from([0, 0, 1, 2, 3, 5, 10, 30, 60]),
        case=st.sampled_from([0, 1, 2, 2, 3, 3, 4]),
        choice=st.integers(0, 20),
        sensible=st.sampled_from([True, True, True, False]),
        ago=st.sampled_from([0, 0, 0, 1, 5, 20, 50, 100]),
        amount=st.sampled_from([None, None, "1", "50", "112.50", "150", "262.50", "300"]),
    ),
    min_size=8,  # fewer seldom come to anything
    max_size=30,
)
kinds = st.tuples(
    st.sampled_from(VisaType),
    st.sampled_from([(VisaBasis.MONTHS, 60), (VisaBasis.MONTHS, 120), (VisaBasis.DAYS, 30), (VisaBasis.DAYS, 90)]),
    st.integers(0, 20),
)


def world(first: Any, second: Any, *, punctual: bool) -> World:
    visas = []
    for number, (kind, (basis, days), late) in enumerate((first, second), 6000000001):
        visas.append(visa(str(number), kind, basis, days, issued=START - timedelta(days=late)))
    violations = [
        violation("7000000001", fine=Decimal("300.00")),
        violation("7000000002", notified_at=None),
    ]
    return World(punctual, visas, violations)


def take(here: World, step: Step) -> None:
    case = here.cases[step.case % len(here.cases)]
    here.let_pass(step.after, case)
    now, then = here.now, here.now - timedelta(days=step.ago)
    if isinstance(case, Visa):
        decide_visa(here, case, step, then)
        return
    in_court = case.objection_status is ObjectionStatus.APPEALED_TO_COURT
    state = case.objection_status if case.status is ViolationStatus.UNDER_OBJECTION or in_court else case.status
    what = step.of(SENSIBLE.get(state, ("pay",)) if step.sensible else VIOLATION_STEPS)
    decisions: dict[str, Callable[[Violation], object]] = {
        "notify": lambda case: case.notify(then, now=now),
        "pay": lambda case: case.record_payment(
            None if step.amount is None else Decimal(step.amount),
            paid_at=then,
            reference="S",
            from_feed=step.ago > 0,
            now=now,
        ),
        "refund": lambda case: case.record_refund(
            Decimal(step.amount or case.refund_due), refunded_at=now, reference="R", now=now
        ),
        "extend": lambda case: case.extend_payment(step.choice * 5, now=now),
        "void": lambda case: case.void(EXPLANATION, legal_basis=None, now=now),
        "object": lambda case: submit(here, case),
        "review": lambda case: case.start_objection_review(officer_id=SALMAN, now=now),
        "ask": lambda case: case.request_objection_information("?", officer_id=SALMAN, now=now),
        "supply": lambda case: case.supply_objection_information("!", now=now),
        "withdraw": lambda case: case.withdraw_objection(now=now),
        "appeal": lambda case: case.appeal_objection("!", now=now),
        "court cancels": lambda case: court(case, CourtOutcome.CANCELLED, now),
        "court modifies": lambda case: court(case, CourtOutcome.MODIFIED, now, Decimal(160)),
        "court upholds": lambda case: court(case, CourtOutcome.UPHELD, now),
        "accept": lambda case: decide(case, ObjectionOutcome.ACCEPTED, now),
        "modify": lambda case: decide(case, ObjectionOutcome.FINE_MODIFIED, now, Decimal(200)),
        "reject": lambda case: decide(case, ObjectionOutcome.REJECTED, now),
    }
    here.carry_out(case, decisions[what])


def decide_visa(here: World, case: Visa, step: Step, then: datetime) -> None:
    now = here.now
    what = step.of(SENSIBLE_FOR_VISAS[case.status] if step.sensible else VISA_STEPS)
    match what:
        case "cancel":
            here.carry_out(case, lambda case: case.cancel(holder_inside=here.docket.holder_inside, now=now))
        case "extend":
            last = max(here.today, case.return_before or here.today) + timedelta(days=step.ago + step.sensible)
            iqama = last - timedelta(days=0 if step.sensible else step.choice)
            here.carry_out(case, lambda case: case.extend(last, iqama_expires_on=iqama, now=now))
        case "void":
            here.carry_out(case, lambda case: case.void(EXPLANATION, now=now))
        case "voidMovement":
            known = [movement.id for movement in case.movements]
            movement = known[-1 if step.sensible else step.choice % len(known)] if known else SALMAN
            here.carry_out(case, lambda case: case.void_movement(movement, EXPLANATION, now=now))
        case "issue":
            issue(here, step)
        case _:
            way = MovementDirection(what)
            here.carry_out(case, lambda case: case.record_movement(way, port=AIRPORT, at=then, now=now))


def issue(here: World, step: Step) -> None:
    """A sponsor asks for another visa."""
    kind = VisaType.MULTIPLE if step.choice % 2 else VisaType.SINGLE
    asked = visa(str(6000000001 + len(here.visas)), kind, issued=here.today)
    allowed = terms(kind, VisaBasis.MONTHS, duration_days=60, return_before=None, issued_on=here.today)
    papers = here.today + timedelta(days=150 if step.sensible else step.choice * 10)
    problems = issue_problems(
        here.docket, allowed, passport_expires_on=papers, iqama_expires_on=papers, issued_on=here.today
    )
    codes = {problem.code for problem in problems}
    assert (ProblemCode.OPEN_VISA_EXISTS in codes) == any(case.status in OPEN for case in here.visas)
    assert (ProblemCode.HOLDER_NOT_INSIDE in codes) == any(case.status in OUTSIDE for case in here.visas)
    assert (ProblemCode.UNPAID_VIOLATION_EXISTS in codes) == any(case.status in UNPAID for case in here.violations)
    here.refused += [str(problem.code) for problem in problems]
    if not problems:
        here.visas.append(asked)
        here.note(asked)


def submit(here: World, case: Violation) -> None:
    named = [problem.code for problem in objection_problems(case, here.docket, here.today)]
    refused = None
    try:
        case.submit_objection(
            here.docket,
            reason=ObjectionReason.DUPLICATE,
            statement=None,
            accept_terms=True,
            terms_version=None,
            now=here.now,
        )
    except Refused as refusal:
        refused = refusal
    assert named == [problem.code for problem in (refused.problems if refused else ())]


def decide(case: Violation, outcome: ObjectionOutcome, now: datetime, fine: Decimal | None = None) -> None:
    case.decide_objection(outcome, explanation=EXPLANATION, modified_fine=fine, officer_id=SALMAN, now=now)


def court(case: Violation, outcome: CourtOutcome, now: datetime, fine: Decimal | None = None) -> None:
    case.record_court_decision(outcome, modified_fine=fine, clerk_id=MARYAM, now=now)


def moves_between(events: list[Any], state: Callable[[Any], str | None]) -> set[tuple[str | None, str | None]]:
    """The changes of state that events make, one by one."""
    aggregate: Any = None
    changes = set()
    for event in events:
        before = None if aggregate is None else state(aggregate)
        first = aggregate is None
        aggregate = event.mutate(aggregate)
        if not first and state(aggregate) != before:
            changes.add((before, state(aggregate)))
    return changes


def check_docket(here: World) -> None:
    record = here.docket
    assert record.open_visas == {case.number for case in here.visas if case.status in OPEN}
    assert record.outside == {case.number for case in here.visas if case.status in OUTSIDE}
    assert record.lapses == {case.number for case in here.visas if case.status is VisaStatus.LAPSED_UNUSED}
    assert record.unpaid_violations == {case.number for case in here.violations if case.status in UNPAID}
    assert record.open_objections == {
        case.number for case in here.violations if case.objection_status in OPEN_OBJECTION
    }
    assert len(record.open_objections) <= 1
    assert record.rejections == {
        case.number: case.objection_decided_on
        for case in here.violations
        if any(isinstance(event, Violation.ObjectionRejected) for event in case.pending_events)
    }


def check_trips(case: Visa) -> None:
    """Movements that count are one trip after the other, and tell where the holder is."""
    ways = [movement.direction for movement in case.movements]
    assert ways == ([MovementDirection.DEPARTURE, MovementDirection.RETURN] * len(ways))[: len(ways)]
    assert [movement.at for movement in case.movements] == sorted(movement.at for movement in case.movements)
    assert case.lapsed == (case.status is VisaStatus.LAPSED_UNUSED)
    if case.status is not VisaStatus.VOIDED:
        assert (case.status in OUTSIDE) == (len(ways) % 2 == 1)
        assert (case.status in UNUSED) == (not ways)


def check_money(case: Violation) -> None:
    """What was paid is what was due and what goes or went back."""
    assert case.paid == sum((payment.amount for payment in case.payments), Decimal(0))
    back = case.refund_due + case.refunded
    assert min(case.refund_due, case.refunded) >= NOTHING
    if not case.fine_stands:
        assert (case.paid, case.discount_granted) == (back, NOTHING)
        if case.status is not ViolationStatus.VOIDED:
            ended = ViolationStatus.REFUNDED if case.refunded else ViolationStatus.CANCELLED
            assert case.status is (ViolationStatus.REFUND_PENDING if case.refund_due else ended)
        return
    owed = case.fine - case.discount_granted
    match case.status:
        case ViolationStatus.PAID:
            assert (case.paid, case.refund_due) == (owed + case.refunded, NOTHING)
        case ViolationStatus.REFUND_PENDING:
            assert case.paid == owed + back
            assert case.refund_due > 0
        case ViolationStatus.REFUNDED:
            assert (case.paid, case.refund_due) == (owed + case.refunded, NOTHING)
        case ViolationStatus.RECORDED | ViolationStatus.UNDER_OBJECTION:
            assert back == 0
        case _:
            assert case.paid < case.fine
            assert (back, case.discount_granted) == (NOTHING, NOTHING)


@settings(max_examples=300, deadline=None)
@given(kinds, kinds, steps)
def test_no_history_leaves_the_diagrams_and_every_history_replays(first: Any, second: Any, taken: list[Step]) -> None:
    here = world(first, second, punctual=True)
    for step in taken:
        take(here, step)
        check_docket(here)
        for used in here.visas:
            check_trips(used)
        for owed in here.violations:
            check_money(owed)
    for case in here.cases:
        events = list(case.pending_events)
        diagram = VISA_STATES if isinstance(case, Visa) else VIOLATION_STATES
        assert moves_between(events, lambda case: case.status) <= diagram
        assert state(replayed(events)) == state(case)
    for objected in here.violations:
        events = list(objected.pending_events)
        assert moves_between(events, lambda case: case.objection_status) <= OBJECTION_STATES
    assert state(replayed(list(here.docket.pending_events))) == state(here.docket)


@settings(max_examples=300, deadline=None)
@given(kinds, kinds, steps)
def test_a_late_clock_changes_no_outcome(first: Any, second: Any, taken: list[Step]) -> None:
    punctual, late = world(first, second, punctual=True), world(first, second, punctual=False)
    for here in (punctual, late):
        for step in taken:
            take(here, step)
        here.now += timedelta(days=400)
        here.tick()
    assert late.refused == punctual.refused
    for one, other in zip(punctual.cases, late.cases, strict=True):
        assert state(one) == state(other)
        assert [vars(event) for event in one.pending_events] == [vars(event) for event in other.pending_events]
    assert counted(punctual.docket) == counted(late.docket)


def state(aggregate: Aggregate) -> dict[str, Any]:
    return {name: value for name, value in vars(aggregate).items() if name != "_pending_events"}


def counted(record: Docket) -> dict[str, object]:
    names = ("open_visas", "outside", "lapses", "unpaid_violations", "open_objections", "rejections")
    return {name: getattr(record, name) for name in names}
