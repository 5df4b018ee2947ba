"""What clients of the released schema would lose by a new one, and whether they were told in time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from graphql import (
    BreakingChange,
    BreakingChangeType,
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    OperationType,
    find_schema_changes,
    get_named_type,
    is_non_null_type,
    is_specified_scalar_type,
    print_ast,
)

COORDINATE = re.compile(r"(\S+) (?:was|changed|has changed|no longer) ")
UNRELEASED = re.compile(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
REMOVED_FROM = re.compile(r"Removed from (\d{4}-\d\d-\d\d) on\.$")
PROMISED = timedelta(days=92)  # three months, whichever they are

Member = GraphQLField | GraphQLInputField | GraphQLArgument | GraphQLEnumValue


@dataclass(frozen=True, slots=True)
class Break:
    """Something that is not any more as clients of the released schema may use it."""

    coordinate: str  # as GraphQL's specification writes them: Visa, Visa.fee, Query.visa(number:)
    used: str  # the coordinate of what they use in the released schema: the field that an argument was added to
    what: str


def problems(released: GraphQLSchema, new: GraphQLSchema, changelog: str, *, today: date) -> list[str]:
    """Everything that CONTRIBUTING.md does not allow, in sentences: `today` is the day on which the new schema is served."""
    undated = [
        f"{coordinate} is deprecated without the day that ends its reason: Removed from 2027-03-01 on."
        for coordinate, member in members(new)
        if member.deprecation_reason is not None and not REMOVED_FROM.search(member.deprecation_reason)
    ]
    found = UNRELEASED.search(changelog)
    entries, used, was = found[1] if found else "", in_use(released), dict(members(released))
    sooner = [
        f"{coordinate} would be gone from {day} on, earlier than the {before} that the release says."
        for coordinate, member in members(new)
        if coordinate in was and (before := _day(was[coordinate])) and (day := _day(member)) and day < before
    ]
    return [
        *undated,
        *sooner,
        *(why for one in breaks(released, new) for why in _why_not(one, used, was, entries, today)),
    ]


def too_soon(released: GraphQLSchema, new: GraphQLSchema, *, today: date) -> list[str]:
    """What a release on this day would deprecate for less than three months, in sentences."""
    before = {coordinate for coordinate, member in members(released) if member.deprecation_reason is not None}
    days = {
        coordinate: date.fromisoformat(found[1])
        for coordinate, member in members(new)
        if coordinate not in before and (found := REMOVED_FROM.search(member.deprecation_reason or ""))
    }
    return [
        f"{coordinate} would be gone from {day} on, less than three months after its deprecation."
        for coordinate, day in days.items()
        if day < today + PROMISED
    ]


def _why_not(one: Break, used: set[str], was: dict[str, Member], entries: str, today: date) -> Iterator[str]:
    """Why something may not be broken."""
    if one.used in used or "@" in one.what:
        yield f"{one.what} {one.used} is not deprecated in the released schema."
    if f"`{one.coordinate}`" not in entries:
        yield f"{one.what} No entry below [Unreleased] in CHANGELOG.md names `{one.coordinate}`."
    day = _day(was[one.used]) if one.used in was else None
    day = day or max((found for member in _leading_to(one.used, was) if (found := _day(member))), default=None)
    if day and today < day:
        yield f"{one.what} It was promised until {day}."


def _day(member: Member) -> date | None:
    """From which day on something may be gone, if it is deprecated."""
    found = REMOVED_FROM.search(member.deprecation_reason or "")
    return date.fromisoformat(found[1]) if found else None


def _leading_to(coordinate: str, was: dict[str, Member]) -> Iterator[Member]:
    """Whatever has the type of something, itself or what that is part of."""
    name = re.split(r"[.(@]", coordinate)[0]
    for member in was.values():
        if not isinstance(member, GraphQLEnumValue) and get_named_type(member.type).name == name:
            yield member


def breaks(released: GraphQLSchema, new: GraphQLSchema) -> Iterator[Break]:
    """Every breaking change. A standard scalar that nothing has for a type any more is none."""
    for change in find_schema_changes(released, new):
        if not isinstance(change, BreakingChange):
            continue
        found = COORDINATE.search(change.description)
        coordinate = used = found[1] if found else change.description
        if coordinate in released.type_map and is_specified_scalar_type(released.type_map[coordinate]):
            continue
        if change.type is BreakingChangeType.REQUIRED_ARG_ADDED:
            used = coordinate.partition("(")[0]
        elif change.type is BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED:
            used = coordinate.partition(".")[0]
        yield Break(coordinate, used, change.description)
    yield from _unseen(released, new)


def _unseen(released: GraphQLSchema, new: GraphQLSchema) -> Iterator[Break]:
    """What breaks documents, and graphql-core takes for harmless or does not look at."""
    now = dict(members(new))
    for coordinate, member in members(released):
        other = now.get(coordinate)
        if isinstance(member, GraphQLArgument | GraphQLInputField) and isinstance(other, type(member)):
            had, has = _default(member), _default(other)
            if had is not None and had != has and (has is not None or is_non_null_type(other.type)):
                yield Break(coordinate, coordinate, f"{coordinate} no longer has the default {had}.")
    for name, kind in released.type_map.items():
        if not getattr(kind, "is_one_of", True) and getattr(new.type_map.get(name), "is_one_of", False):
            yield Break(name, name, f"{name} no longer takes several of its fields.")
    for operation in OperationType:
        root = released.get_root_type(operation)
        if root is not None and new.get_root_type(operation) is None:
            yield Break(root.name, root.name, f"{root.name} no longer answers a {operation.value}.")


def _default(member: GraphQLArgument | GraphQLInputField) -> str | None:
    """The default of an argument or input field, as it is written."""
    if member.default is None:
        return None
    literal = member.default.literal
    return print_ast(literal) if literal is not None else repr(member.default.value)


def members(schema: GraphQLSchema) -> Iterator[tuple[str, Member]]:
    """Everything that can be deprecated, with its coordinate."""
    for kind in schema.type_map.values():
        if not kind.name.startswith("__"):
            yield from members_of(kind)


def members_of(kind: GraphQLNamedType) -> Iterator[tuple[str, Member]]:
    """Those of a type: an argument follows its field."""
    if isinstance(kind, GraphQLEnumType):
        yield from ((f"{kind.name}.{name}", value) for name, value in kind.values.items())
    elif isinstance(kind, GraphQLInputObjectType):
        yield from ((f"{kind.name}.{name}", field) for name, field in kind.fields.items())
    elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            yield f"{kind.name}.{name}", field
            yield from ((f"{kind.name}.{name}({given}:)", argument) for given, argument in field.args.items())


def in_use(schema: GraphQLSchema) -> set[str]:
    """Coordinates that clients reach without anything that is deprecated."""
    found: set[str] = set()
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    waiting: list[GraphQLNamedType] = [kind for kind in roots if kind]
    while waiting:
        kind = waiting.pop()
        if kind.name in found:
            continue
        found.add(kind.name)
        waiting += _beside(schema, kind)
        for coordinate, member in members_of(kind):
            of = coordinate.partition("(")[0]
            if member.deprecation_reason is None and (of == coordinate or of in found):
                found.add(coordinate)
                if not isinstance(member, GraphQLEnumValue):
                    waiting.append(get_named_type(member.type))
    return found


def _beside(schema: GraphQLSchema, kind: GraphQLNamedType) -> list[GraphQLNamedType]:
    """Types that an answer of this type may be of, or that it can be asked as."""
    if isinstance(kind, GraphQLObjectType):
        return [*kind.interfaces]
    if isinstance(kind, GraphQLInterfaceType):
        return [*kind.interfaces, *schema.get_possible_types(kind)]
    return [*kind.types] if isinstance(kind, GraphQLUnionType) else []
