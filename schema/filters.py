"""Filters of lists: their GraphQL inputs, and the conditions that rows must fulfil."""

from dataclasses import replace
from datetime import date, datetime
from typing import Annotated, Any

import strawberry

from domain import formats
from domain.dues import ViolationStatus
from domain.objection import ObjectionReason, ObjectionStatus
from domain.visa_terms import VisaStatus, VisaType
from schema import table
from schema.errors import bad_input
from schema.look import Condition

LONGEST_LIST = 50
NAMED = f"SELECT id AS seen_of FROM {table.PERSON} WHERE national_id = %(filtered_id)s"  # noqa: S608 (a name of our own)
WITH_ID = f"({NAMED})"


@strawberry.input(description="Which visas to list; fields that are left out do not narrow the list.")
class VisaFilter:
    status: list[VisaStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="In one of these states now."
    )
    type: VisaType | None = strawberry.field(default=strawberry.UNSET, description="For one trip, or for several.")
    holder_national_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="Held by the person with this National ID or Iqama number."
    )
    issued_from: date | None = strawberry.field(default=strawberry.UNSET, description="Issued on this day or later.")
    issued_to: date | None = strawberry.field(default=strawberry.UNSET, description="Issued on this day or earlier.")


@strawberry.input(description="Which violations to list; fields that are left out do not narrow the list.")
class ViolationFilter:
    status: list[ViolationStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="In one of these states now."
    )
    plate: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="By the vehicle with this plate, in Arabic or Latin letters. FORBIDDEN to auditors for other people's "
        "violations, as they see no plates.",
    )
    occurred_from: datetime | None = strawberry.field(default=strawberry.UNSET, description="At this moment or later.")
    occurred_to: datetime | None = strawberry.field(default=strawberry.UNSET, description="At this moment or earlier.")
    has_objection: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether it was ever objected to."
    )


@strawberry.input(description="Which objections to list; fields that are left out do not narrow the list.")
class ObjectionFilter:
    status: list[ObjectionStatus] | None = strawberry.field(
        default=strawberry.UNSET, description="In one of these states now."
    )
    reason: ObjectionReason | None = strawberry.field(default=strawberry.UNSET, description="Made for this reason.")
    submitted_from: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Submitted at this moment or later."
    )
    submitted_to: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Submitted at this moment or earlier."
    )
    violator_national_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="Made by the person with this National ID or Iqama number."
    )


VisaFilterArgument = Annotated[VisaFilter | None, strawberry.argument(description="Which visas; all without it.")]
ViolationFilterArgument = Annotated[
    ViolationFilter | None, strawberry.argument(description="Which violations; all without it.")
]
ObjectionFilterArgument = Annotated[
    ObjectionFilter | None, strawberry.argument(description="Which objections; all without it.")
]


def visas_where(filter: VisaFilter | None) -> Condition:
    """The condition of a filter.

    Raises:
        Refused: INVALID_ID.
    """
    return _condition(
        ("one.status = ANY (%(status)s::text[])", "status", _values(filter, "status")),
        ("one.type = %(type)s", "type", _value(filter, "type")),
        (
            f"one.holder_id IN {WITH_ID}",
            "filtered_id",
            _national_id(filter, "holder_national_id", "holderNationalId"),
        ),
        ("one.issued_on >= %(issued_from)s::date", "issued_from", _value(filter, "issued_from")),
        ("one.issued_on <= %(issued_to)s::date", "issued_to", _value(filter, "issued_to")),
    )


def violations_where(filter: ViolationFilter | None) -> Condition:
    """The condition of a filter.

    Raises:
        Refused: INVALID_INPUT, the plate is none.
    """
    plate = _value(filter, "plate")
    has_objection = _value(filter, "has_objection")
    return _condition(
        ("one.status = ANY (%(status)s::text[])", "status", _values(filter, "status")),
        (
            "one.plate = %(plate)s AND one.seen_as <> 'AUDITOR'",  # who is a court clerk too sees some plates
            "plate",
            None if plate is None else formats.plate(plate, ("filter", "plate")),
        ),
        ("one.occurred_at >= %(occurred_from)s::timestamptz", "occurred_from", _value(filter, "occurred_from")),
        ("one.occurred_at <= %(occurred_to)s::timestamptz", "occurred_to", _value(filter, "occurred_to")),
        ("(one.objection_status IS NOT NULL) = %(has_objection)s", "has_objection", has_objection),
    )


def objections_where(filter: ObjectionFilter | None, *, only: frozenset[ObjectionStatus] | None) -> Condition:
    """The condition of a filter, over violations. `only`: the states that the reader may see at all, None for all.

    Raises:
        Refused: INVALID_ID.
    """
    asked, violator = _values(filter, "status"), _national_id(filter, "violator_national_id", "violatorNationalId")
    states = asked if only is None else tuple(sorted(only.intersection(asked) if asked is not None else only))
    condition = _condition(
        ("one.objection_status IS NOT NULL", "objected", True),
        ("one.objection_status = ANY (%(each)s::text[])", "each", states),
        ("one.objection_reason = %(reason)s", "reason", _value(filter, "reason")),
        (
            "one.objection_submitted_at >= %(submitted_from)s::timestamptz",
            "submitted_from",
            _value(filter, "submitted_from"),
        ),
        (
            "one.objection_submitted_at <= %(submitted_to)s::timestamptz",
            "submitted_to",
            _value(filter, "submitted_to"),
        ),
        (f"one.violator_id IN {WITH_ID}", "filtered_id", violator),
    )
    each, names = None if states is None else "objection_status", None if violator is None else NAMED
    return replace(condition, each=each, names=names)


def _condition(*parts: tuple[str, str, Any]) -> Condition:
    given = [part for part in parts if part[2] is not None]
    return Condition(
        " AND ".join(sql for sql, _, _ in given) or "true", tuple((name, value) for _, name, value in given)
    )


def _value(filter: object, name: str) -> Any:  # noqa: ANN401 (of the field of this name)
    value = getattr(filter, name) if filter else None
    return None if value is strawberry.UNSET else getattr(value, "value", value)


def _values(filter: object, name: str) -> tuple[str, ...] | None:
    values = _value(filter, name)
    if values is not None and len(values) > LONGEST_LIST:
        raise bad_input(f"a list in a filter has at most {LONGEST_LIST} entries")
    return None if values is None else tuple(value.value for value in values)


def _national_id(filter: object, name: str, shown: str) -> str | None:
    typed = _value(filter, name)
    return None if typed is None else formats.national_id(typed, ("filter", shown))
