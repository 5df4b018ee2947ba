"""What can be decided about the objection to a violation; the decisions are methods of Violation."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from domain import formats, rules
from domain.attachment import Attachment, accepted
from domain.calendar import riyadh_day
from domain.catalogue import OBJECTION_REASONS, OBJECTION_TERMS
from domain.dues import NOTHING, reckon
from domain.errors import ProblemCode, check_all, refuse
from domain.objection import (
    OPEN_OBJECTION,
    CourtOutcome,
    ObjectionOutcome,
    ObjectionReason,
    ObjectionRecord,
    ObjectionStatus,
    appeal_before,
    objection_problems,
)
from domain.text import Text

if TYPE_CHECKING:
    from domain.violation import Violation


def submit(
    violation: "Violation",
    record: ObjectionRecord,
    *,
    reason: ObjectionReason,
    statement: str | None,
    accept_terms: bool,
    terms_version: str | None,
    attachments: Sequence[Attachment] = (),
    now: datetime,
) -> None:
    """Object to the violation.

    Raises:
        Refused: what `objection_problems` names, terms not accepted, a statement missing or too long, a file that may not
            be attached.
    """
    today = riyadh_day(now)
    with check_all() as check:
        check.problems += objection_problems(violation, record, today)
        if not accept_terms:
            check.problem(ProblemCode.TERMS_NOT_ACCEPTED, "acceptTerms")
        elif terms_version not in {None, OBJECTION_TERMS.version}:
            check.problem(ProblemCode.TERMS_NOT_ACCEPTED, "termsVersion")
        if statement is not None and statement.strip():
            statement = check(said, statement, today, field=("statement",))
        else:
            statement = None
            if OBJECTION_REASONS[reason.value].statement_required:
                check.problem(ProblemCode.INVALID_INPUT, "statement", rule=rules.STATEMENT_NEEDED.on(today))
        check(accepted, attachments, today, field=("attachments",))
    violation.trigger_event(
        violation.ObjectionSubmitted,
        timestamp=now,
        violator_id=violation.violator_id,
        reason=reason,
        statement=statement,
        terms_version=OBJECTION_TERMS.version,
        attachments=tuple(attachments),
    )


def said(text: str, today: date, field: tuple[str, ...]) -> str:
    """What somebody says in a case, in their own words.

    Raises:
        Refused: INVALID_INPUT with the rule of its length, nothing or too much.
    """
    return formats.statement(text, field=field, length=rules.STATEMENT_MAX_LENGTH.on(today))


def withdraw(violation: "Violation", *, now: datetime) -> None:
    """Take the objection back.

    Raises:
        Refused: OBJECTION_STATE_FORBIDS, it is not open.
    """
    _require(violation, *OPEN_OBJECTION)
    today = riyadh_day(now)
    violation.trigger_event(
        violation.ObjectionWithdrawn, timestamp=now, withdrawn_on=today, **_still_due(violation, today, violation.fine)
    )


def start_review(violation: "Violation", *, officer_id: UUID, now: datetime) -> None:
    """Take the objection up.

    Raises:
        Refused: OWN_CASE, or OBJECTION_STATE_FORBIDS when it is not waiting.
    """
    _refuse_own_case(violation, officer_id)
    _require(violation, ObjectionStatus.SUBMITTED)
    violation.trigger_event(violation.ObjectionReviewStarted, timestamp=now, officer_id=officer_id)


def request_information(violation: "Violation", question: str, *, officer_id: UUID, now: datetime) -> None:
    """Ask the violator something; the review waits for the answer, for so many days.

    Raises:
        Refused: OWN_CASE, OBJECTION_STATE_FORBIDS when it is not under review, or no question.
    """
    today = riyadh_day(now)
    question = said(question, today, ("question",))
    _refuse_own_case(violation, officer_id)
    _require(violation, ObjectionStatus.UNDER_REVIEW)
    violation.trigger_event(
        violation.ObjectionInformationRequested,
        timestamp=now,
        violator_id=violation.violator_id,
        officer_id=officer_id,
        question=question,
        supply_before=today + timedelta(days=rules.INFORMATION_WITHIN_DAYS.on(today).value),
    )


def supply_information(
    violation: "Violation", statement: str, *, attachments: Sequence[Attachment] = (), now: datetime
) -> None:
    """Answer what an officer has asked.

    Raises:
        Refused: OBJECTION_STATE_FORBIDS when nothing is asked, no answer, a file that may not be attached.
    """
    today = riyadh_day(now)
    with check_all() as check:
        if violation.objection_status is not ObjectionStatus.INFO_REQUESTED:
            check.problem(ProblemCode.OBJECTION_STATE_FORBIDS)
        answer = check(said, statement, today, field=("statement",))
        check(accepted, attachments, today, field=("attachments",))
    violation.trigger_event(
        violation.ObjectionInformationSupplied,
        timestamp=now,
        violator_id=violation.violator_id,
        statement=answer,
        attachments=tuple(attachments),
    )


def decide(
    violation: "Violation",
    outcome: ObjectionOutcome,
    *,
    explanation: Text,
    modified_fine: Decimal | None,
    officer_id: UUID,
    now: datetime,
) -> None:
    """Decide the objection under review.

    Raises:
        Refused: OWN_CASE; CONFLICT, another officer has decided it; OBJECTION_STATE_FORBIDS, it is not under review; a
            modified fine missing, unasked for, or out of range.
    """
    _refuse_own_case(violation, officer_id)
    objection = violation.objection
    if objection is not None and objection.decided_by not in {None, officer_id}:
        refuse(ProblemCode.CONFLICT)
    _require(violation, ObjectionStatus.UNDER_REVIEW)
    today = riyadh_day(now)
    fine = _modified(violation, modified_fine, today, asked=outcome is ObjectionOutcome.FINE_MODIFIED)
    decided: dict[str, Any] = {
        "violator_id": violation.violator_id,
        "officer_id": officer_id,
        "explanation": explanation,
        "decided_on": today,
    }
    if outcome is ObjectionOutcome.ACCEPTED:
        refund = violation.paid - violation.refunded
        violation.trigger_event(violation.ObjectionAccepted, timestamp=now, refund=refund, **decided)
    elif fine is not None:
        decided |= _still_due(violation, today, fine)
        violation.trigger_event(violation.FineModified, timestamp=now, fine=fine, **decided)
    else:
        decided |= _still_due(violation, today, violation.fine)
        violation.trigger_event(violation.ObjectionRejected, timestamp=now, **decided)


def appeal(violation: "Violation", grounds: str, *, now: datetime) -> None:
    """Take the decision to court; the fine stays due meanwhile.

    Raises:
        Refused: OBJECTION_STATE_FORBIDS, there is no decision to appeal against or its last day has passed; no grounds.
    """
    today = riyadh_day(now)
    last = appeal_before(violation)
    with check_all() as check:
        if last is None or today > last.on:
            check.problem(ProblemCode.OBJECTION_STATE_FORBIDS, rule=None if last is None else last.rule)
        reasons = check(said, grounds, today, field=("grounds",))
    violation.trigger_event(
        violation.ObjectionAppealed, timestamp=now, violator_id=violation.violator_id, grounds=reasons
    )


def record_court_decision(
    violation: "Violation", outcome: CourtOutcome, *, modified_fine: Decimal | None, clerk_id: UUID, now: datetime
) -> None:
    """Record what the court has decided, whatever has become of the violation since. It ends the discount.

    Raises:
        Refused: OWN_CASE, OBJECTION_STATE_FORBIDS when it is not before the court, or a modified fine missing, unasked
            for, or out of range.
    """
    _refuse_own_case(violation, clerk_id)
    _require(violation, ObjectionStatus.APPEALED_TO_COURT)
    today = riyadh_day(now)
    fine = _modified(violation, modified_fine, today, asked=outcome is CourtOutcome.MODIFIED)
    decided: dict[str, Any] = {"timestamp": now, "clerk_id": clerk_id, "decided_on": today}
    if outcome is CourtOutcome.CANCELLED:
        violation.trigger_event(violation.CourtCancelled, refund=violation.paid - violation.refunded, **decided)
    elif fine is not None:
        violation.trigger_event(violation.CourtModified, fine=fine, **_still_due(violation, today, fine), **decided)
    else:
        violation.trigger_event(violation.CourtUpheld, **decided)


def _require(violation: "Violation", *states: ObjectionStatus) -> None:
    if violation.objection_status not in states:
        refuse(ProblemCode.OBJECTION_STATE_FORBIDS)


def _refuse_own_case(violation: "Violation", official_id: UUID) -> None:
    if official_id == violation.violator_id:
        refuse(ProblemCode.OWN_CASE)


def _modified(violation: "Violation", fine: Decimal | None, today: date, *, asked: bool) -> Decimal | None:
    """The new fine of a decision that modifies it: within the type's range, below the present one."""
    if fine is not None:
        fine = formats.money(fine, field=("modifiedFine",))
    if asked != (fine is not None) or (fine is not None and not violation.min_fine <= fine < violation.fine):
        refuse(ProblemCode.INVALID_INPUT, "modifiedFine", rule=rules.MODIFIED_FINE.on(today))
    return fine


def _still_due(violation: "Violation", today: date, fine: Decimal) -> dict[str, Any]:
    """What the end of an objection that leaves a fine means for paying it."""
    pay_before = today + timedelta(days=rules.PAY_AFTER_DECISION_DAYS.on(today).value)
    if violation.pay_before is not None:
        pay_before = max(pay_before, violation.pay_before)
    paid = reckon(violation, violation.payments, fine)
    return {
        "pay_before": pay_before,
        "settled": paid.settled,
        "discount": paid.discount,
        "refund": max(paid.excess - violation.refunded, NOTHING),
    }
