"""Objections to violations: what the API shows of them."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

import strawberry

import schema.history
import schema.violation
from domain import objection, rules
from domain.actor import Role
from domain.catalogue import OBJECTION_REASONS, OBJECTION_TERMS
from domain.labels import label
from domain.objection import DECIDED_BY_OFFICER, IN_COURT, ObjectionReason, ObjectionStatus
from domain.text import Text
from schema import later
from schema.access import Data, masked, official_roles, person_of, require_official, said_in_office
from schema.attachment import Attachment, attachments_shown
from schema.context import Context, Info
from schema.filters import ObjectionFilterArgument, objections_where
from schema.ids import Node, row_id
from schema.look import HISTORY_ORDER, OBJECTIONS_ORDER, VIOLATIONS, SeenViolation, look_through
from schema.number import ObjectionNumber, violation_of
from schema.paging import Connection, Page, listed, paged
from schema.past import AsOf
from schema.receipt import Receipt, receipt_of_objection
from schema.resolver import resolver
from schema.text import Deadline, LocalizedText, Rule, deadlines_shown, label_of, localized, rule_shown

WITHHELD: Final = Text("محجوب", "Withheld")  # the words of a decision are about the violator: gone once erased


@strawberry.type(description="What was decided about an objection.")
class ObjectionDecision:
    outcome: ObjectionStatus = strawberry.field(description="Accepted, another fine, or rejected.")
    outcome_label: LocalizedText = label_of("outcome")
    explanation: LocalizedText = strawberry.field(
        description="Why, in the officer's words, which auditors read, too; withheld once the violator is erased."
    )
    modified_fine: Decimal | None = strawberry.field(description="The new fine in SAR; null when it was not changed.")
    decided_at: datetime = strawberry.field(description="When.")
    rule: Rule | None = strawberry.field(
        description="The rule that sets the last day to pay from then on; null when the objection was accepted."
    )


@strawberry.type(description="Something that the reviewer has asked the violator.")
class ObjectionInformation:
    asked_at: datetime = strawberry.field(description="When it was asked.")
    question: str | None = strawberry.field(
        description="What was asked, in the officer's words, which auditors read, too; null once the violator is erased."
    )
    supplied_at: datetime | None = strawberry.field(description="When it was answered; null if it was not.")
    statement: str | None = strawberry.field(
        description="The answer, in the violator's words; null without one, for auditors, and once the violator is erased."
    )
    attachments: list[Attachment] = strawberry.field(description="The files that came with it.")


@strawberry.type(description="An objection's way to court.")
class ObjectionAppeal:
    appealed_at: datetime = strawberry.field(description="When the decision was taken to court.")
    grounds: str | None = strawberry.field(
        description="Why, in the violator's words; null for auditors, and once the violator is erased."
    )
    decided_at: datetime | None = strawberry.field(description="When the court decided; null until then.")
    modified_fine: Decimal | None = strawberry.field(description="The court's fine in SAR; null when it set none.")


@strawberry.type(description="The one objection to a violation.")
class Objection(Node):
    row: strawberry.Private[SeenViolation]
    context: strawberry.Private[Context]
    number: str = strawberry.field(description="O and the number of the violation.")
    version: int = strawberry.field(
        description="Grows with each change; an officer sends it back with a decision, as `expectedVersion`."
    )
    status: ObjectionStatus = strawberry.field(description="Where it stands.")
    status_label: LocalizedText = strawberry.field(description="The state, for people.")
    reason: ObjectionReason = strawberry.field(description="Why the violator objects.")
    reason_label: LocalizedText = strawberry.field(description="The reason, for people.")
    statement: str | None = strawberry.field(
        description="The violator's own words; null without any, for auditors, and once the violator is erased."
    )
    submitted_at: datetime = strawberry.field(description="When it was submitted.")
    decided_at: datetime | None = strawberry.field(description="When it was decided; null until then.")
    decision: ObjectionDecision | None = strawberry.field(
        description="What the officer decided; null until then. A court may decide otherwise: see `appeal`."
    )
    information_request: str | None = strawberry.field(
        description="What the reviewer asks, while it is to be answered; auditors read it, too. Null once the violator is erased."
    )
    information: list[ObjectionInformation] = strawberry.field(
        description="What the reviewer has asked so far and the answers, oldest first."
    )
    appeal: ObjectionAppeal | None = strawberry.field(description="What came of it in court; null where it never was.")

    @resolver(
        "Files that came with it and with answers, oldest first; none for auditors, and once the violator is erased."
    )
    def attachments(self) -> list[Attachment]:
        answers = (file for asked in self.row.objection_information for file in asked.files or ())
        files = [*(self.row.objection_attachments or ()), *answers]
        return attachments_shown(masked(files, self.row.seen_as), self.row.id)

    @resolver("The violation that it is to.", graphql_type=later.VIOLATION)
    def violation(self) -> Node:
        return schema.violation.violation_shown(self.row, self.context)

    @resolver("Proof, checkable offline, that this objection was filed when it says.")
    async def receipt(self, info: Info) -> Receipt:
        return await receipt_of_objection(info.context, self.row.id, self.row.seen_as)

    @resolver("What can be done about it by when, earliest first.")
    def deadlines(self) -> list[Deadline]:
        return deadlines_shown(objection.objection_deadlines(self.row), self.context)

    @resolver(
        "What was recorded about it, newest first: who did what, when, and what it changed.",
        graphql_type=later.EVENTS,
    )
    @paged(HISTORY_ORDER)
    async def history(self, page: Page) -> object:
        types = schema.history.of_objection(self.row)
        return await schema.history.history_of(self.context, self.row.id, types, self.row.seen_as, page)


def objection_shown(row: SeenViolation, context: Context) -> Objection | None:
    """The objection in a violation's row; None when there is none."""
    status, reason, submitted_at = row.objection_status, row.objection_reason, row.objection_submitted_at
    if status is None or reason is None or submitted_at is None:
        return None
    return Objection(
        id=row_id(context, "Objection", row.id),
        row=row,
        context=context,
        number=f"O{row.number}",
        version=row.objection_version or 0,
        status=status,
        status_label=localized(label(status), context.language),
        reason=reason,
        reason_label=localized(label(reason), context.language),
        statement=masked(row.objection_statement, row.seen_as),
        submitted_at=submitted_at,
        decided_at=row.objection_decided_at,
        decision=_decision(row, context),
        information_request=_question(row),
        information=_information(row),
        appeal=_appeal(row),
    )


def _question(row: SeenViolation) -> str | None:
    asked = row.objection_status is ObjectionStatus.INFO_REQUESTED
    return said_in_office(row.objection_information[-1].question, row.seen_as) if asked else None


def _information(row: SeenViolation) -> list[ObjectionInformation]:
    return [
        ObjectionInformation(
            asked_at=entry.asked_at,
            question=said_in_office(entry.question, row.seen_as),
            supplied_at=entry.supplied_at,
            statement=masked(entry.statement, row.seen_as),
            attachments=attachments_shown(masked(entry.files, row.seen_as), row.id),
        )
        for entry in row.objection_information
    ]


def _appeal(row: SeenViolation) -> ObjectionAppeal | None:
    if row.appealed_at is None:
        return None
    return ObjectionAppeal(
        appealed_at=row.appealed_at,
        grounds=masked(row.appeal_grounds, row.seen_as),
        decided_at=row.court_decided_at,
        modified_fine=row.court_modified_fine,
    )


def _decision(row: SeenViolation, context: Context) -> ObjectionDecision | None:
    if row.objection_outcome is None or row.objection_decided_at is None:
        return None
    rule = _pay_rule(row)
    return ObjectionDecision(
        outcome=row.objection_outcome,
        explanation=localized(said_in_office(row.objection_explanation, row.seen_as) or WITHHELD, context.language),
        modified_fine=row.objection_modified_fine,
        decided_at=row.objection_decided_at,
        rule=None if rule is None else rule_shown(rule, context.language),
    )


def _pay_rule(row: SeenViolation) -> rules.Rule[int] | None:
    """Fresh days to pay count only where they end later than the first ones; nothing counts once the fine is gone."""
    decided_on, notified_on = row.objection_decided_on, row.notified_on
    if row.objection_outcome not in DECIDED_BY_OFFICER or decided_on is None or notified_on is None:
        return None
    fresh, first = rules.PAY_AFTER_DECISION_DAYS.on(decided_on), rules.PAY_WITHIN_DAYS.on(notified_on)
    later = decided_on + timedelta(days=fresh.value) > notified_on + timedelta(days=first.value)
    return fresh if later else first


@strawberry.type(description="An objection in a list.")
class ObjectionEdge:
    cursor: str = strawberry.field(description="Its place in the list.")
    node: Objection = strawberry.field(description="The objection.")


@strawberry.type(description="A page of objections, oldest first.")
class ObjectionConnection(Connection):
    edges: list[ObjectionEdge] = strawberry.field(description="The objections on this page.")


@strawberry.type(description="A reason that the objection form offers.")
class ObjectionReasonOption:
    value: ObjectionReason = strawberry.field(description="What to send.")
    label: LocalizedText = strawberry.field(description="What to show.")
    statement_required: bool = strawberry.field(description="Whether a statement must be written with it.")


@strawberry.type(description="Terms that are accepted with an objection.")
class Terms:
    version: str = strawberry.field(description="Changes with the text; sent back as `termsVersion`.")
    text: LocalizedText = strawberry.field(description="What is accepted.")


@strawberry.type(description="What a form for objections needs to know.")
class ObjectionForm:
    reasons: list[ObjectionReasonOption] = strawberry.field(description="Reasons, in the order to show them.")
    terms: Terms = strawberry.field(description="Terms to accept.")
    statement_max_length: int = strawberry.field(description="Longest statement, in characters.")
    max_attachments: int = strawberry.field(description="Most files.")
    max_attachment_bytes: int = strawberry.field(description="Largest file, in bytes.")
    media_types: list[str] = strawberry.field(description="Kinds of files, as media types.")


def _only(context: Context) -> frozenset[ObjectionStatus] | None:
    """The states of the objections that the reader may see by office; None: all."""
    return IN_COURT if official_roles(context, Data.OBJECTION) == [Role.COURT_CLERK] else None


async def objection_to(context: Context, violation_number: str) -> Objection | None:
    """The objection to a violation, as the reader may see it; None where there is none for them."""
    row = await schema.violation.find_violation(context, violation_number, (Data.OBJECTION,))
    return None if row is None else objection_shown(row, context)


@strawberry.type
class ObjectionQueries:
    @resolver(
        "An objection by its number: one's own; for traffic officers and auditors any, for court clerks "
        "those in court. Null when there is none that the reader may see, or was none at `asOf`."
    )
    async def objection(self, info: Info, number: ObjectionNumber, as_of: AsOf = strawberry.UNSET) -> Objection | None:
        person_of(info.context)
        return await objection_to(info.context.at(as_of), violation_of(number))

    @resolver(
        "The work list of the traffic department, oldest first. For traffic officers and auditors; for "
        "court clerks what is in court. The look is written to the access log of everybody on the page, and of whom the filter "
        "names, whether or not there is anything of theirs."
    )
    @paged(OBJECTIONS_ORDER, both_ways=True)
    async def objections(
        self, info: Info, page: Page, filter: ObjectionFilterArgument = strawberry.UNSET
    ) -> ObjectionConnection | None:
        context = info.context
        require_official(context, Data.OBJECTION)
        condition = objections_where(filter, only=_only(context))
        found = listed(
            await look_through(context, VIOLATIONS, OBJECTIONS_ORDER, page, condition, shows=(Data.OBJECTION,)),
            page,
            OBJECTIONS_ORDER,
        )
        context.answers(len(found.entries))
        shown = ((entry.cursor, objection_shown(entry.row, context)) for entry in found.entries)
        return ObjectionConnection(
            edges=[ObjectionEdge(cursor=cursor, node=node) for cursor, node in shown if node],
            page=found,
        )

    @resolver("Reasons, terms and limits for a form. Public.")
    def objection_form(self, info: Info) -> ObjectionForm | None:
        today, language = info.context.today, info.context.language
        return ObjectionForm(
            reasons=[
                ObjectionReasonOption(
                    value=ObjectionReason(reason.value),
                    label=localized(reason.label, language),
                    statement_required=reason.statement_required,
                )
                for reason in OBJECTION_REASONS.values()
            ],
            terms=Terms(version=OBJECTION_TERMS.version, text=localized(OBJECTION_TERMS.text, language)),
            statement_max_length=rules.STATEMENT_MAX_LENGTH.on(today).value,
            max_attachments=rules.ATTACHMENTS_MAX.on(today).value,
            max_attachment_bytes=rules.ATTACHMENT_MAX_BYTES.on(today).value,
            media_types=list(rules.ATTACHMENT_MEDIA_TYPES.on(today).value),
        )
