"""What a command is, and the one way in which every command is carried out."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from access.permission import require
from commands.form import normal
from domain import rules
from domain.actor import Actor, Role
from domain.attachment import Attachment
from domain.calendar import riyadh_day
from domain.docket import Docket
from domain.errors import Problem, ProblemCode, Refused, refuse
from domain.formats import national_id
from domain.violation import Violation
from domain.visa import Visa
from store.change import Claim, CommandKey
from store.work import Work

I = TypeVar("I")  # noqa: E741

CLOCK = Actor(Role.SYSTEM, "clock")
ADDED_LATER = frozenset({"evidence", "attachments"})
"""Fields that inputs did not have at first: left out, they make no other input of one that was recorded before."""
# What does not make two commands different; of passwords not even a digest is kept.
NOT_CONTENT = frozenset({"idempotency_key", "initial_password", "current_password", "new_password"})


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for a command, and when."""

    actor: Actor
    now: datetime
    correlation_id: UUID
    backdated: bool = False  # recorded as of `now`, too
    caught_up: bool = False  # what has fallen due is recorded already: an import brings its own clock

    @property
    def recorded_at(self) -> datetime | None:
        return self.now if self.backdated else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalizedTextInput:
    """At least one language."""

    ar: str | None = None
    en: str | None = None


class NotTheirs(Refused):
    """A command on what its actor may see, but that others ask for."""


def national_ids(input: Any) -> list[Claim]:  # noqa: ANN401 (any input)
    """The claims on the national IDs that an input names."""
    return [Claim("national_id", getattr(input, name)) for name in _names_of(input) if name.endswith("national_id")]


def _names_of(input: object) -> tuple[str, ...]:
    return _names(type(input))  # type: ignore[arg-type]  # a type is hashable


@cache
def _names(input: Any) -> tuple[str, ...]:  # noqa: ANN401 (an input's type)
    return tuple(field.name for field in fields(input) if field.name not in NOT_CONTENT)


async def _never(_work: Work, _input: Any) -> bool:  # noqa: ANN401 (any input)
    return False


@dataclass(frozen=True, slots=True)
class Command(Generic[I]):
    """An operation under its GraphQL name.

    `decide` changes aggregates of the work or raises Refused; it answers with a problem where the refusal is itself
    recorded. `natural_key` is what makes a repetition recognisable without an idempotency key. All of them are asked
    of an input in its `normal` form only.
    """

    operation: str
    input: type[I]
    decide: Callable[[Work, Request, I], Awaitable[Problem | None]]
    natural_key: Callable[[I], str | None] = lambda _: None
    lapsed: Callable[[Work, I], Awaitable[bool]] = (
        _never  # what it was recorded for by its natural key is there no more
    )
    wrong_beside: Callable[[Work, I], Awaitable[list[Problem]]] | None = None  # what else, when forms are refused
    case: Callable[[I], UUID | None] = lambda _: None  # the stream it is about, where the input tells
    claims: Callable[[I], Iterable[Claim]] = national_ids  # whose owners it asks for
    reads_owners: bool = True  # and reads them and their dockets; else it needs no more than their ids


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a command that was not refused."""

    position: int | None = None  # where it was recorded before; None: it is new
    problem: Problem | None = None  # recorded as a fact, and the answer all the same


async def execute(
    work: Work, command: Command[I], request: Request, input: I, *, natural: CommandKey | None = None
) -> Done:
    """Carry a command out in a work that the caller records.

    Args:
        natural: the input's `natural_key`, from a caller that has it already, and has made the input `normal` for it.

    Raises:
        Forbidden: the actor may never use it.
        Refused: the rules do not allow it, or its key was used for something else.
    """
    require(request.actor, command.operation)
    if natural is None:
        input = await _normal(work, command, input)
    work.begin()
    natural = natural or natural_key(work, command, input)
    keys = keys_of(work, command, request, input, natural)
    for key, before in (await work.remembered(keys)).items():
        if before is not None and key == natural and await command.lapsed(work, input):
            work.forget(key.scope, key.key)
        elif before is not None:
            position, same = before
            if not same:
                raise Refused(keys[key])
            return Done(position)
    problem = await command.decide(work, request, input)
    record(work, request, request.actor, keys if problem is None else ())
    return Done(problem=problem)


async def _normal(work: Work, command: Command[I], input: I) -> I:
    """An input in its normal form: two spellings of a number are one, also where it is looked up or remembered.

    Raises:
        Refused: for every value that is not of its form, and for what else is known to be wrong beside.
    """
    try:
        return normal(input)
    except Refused as refused:
        beside = await command.wrong_beside(work, input) if command.wrong_beside else []
        raise Refused(*refused.problems, *beside) from None


def keys_of(
    work: Work, command: Command[I], request: Request, input: I, natural: CommandKey | None
) -> dict[CommandKey, Problem]:
    """The keys that a command is remembered by → how one is refused that was used with another input."""
    keys = {}
    if getattr(input, "idempotency_key", None):
        reused = Problem(ProblemCode.IDEMPOTENCY_KEY_REUSED, ("idempotencyKey",))
        keys[idempotency_key(work, command.operation, request, input)] = reused
    if natural is not None and request.actor.role is Role.AGENCY_FEED:  # only their reports have one
        keys[natural] = Problem(ProblemCode.CONFLICT, rule=rules.RECORDED_ONCE.latest)
    return keys


async def is_repeated(work: Work, command: Command[I], request: Request, input: I) -> bool:
    """Whether something was recorded already under a key of this command.

    Raises:
        Refused: for every value of the input that is not of its form.
    """
    input = await _normal(work, command, input)
    found = await work.remembered(keys_of(work, command, request, input, natural_key(work, command, input)))
    return any(found.values())


def idempotency_key(work: Work, operation: str, request: Request, input: Any) -> CommandKey:  # noqa: ANN401
    """What an input is remembered by that has an idempotency key: one of its caller's, for this operation."""
    scope = f"{request.actor.role}:{request.actor.subject}:{operation}"
    return work.command_key(scope, input.idempotency_key, content(input))


def natural_key(work: Work, command: Command[I], input: I) -> CommandKey | None:
    """What makes a repetition recognisable by itself."""
    key = command.natural_key(input)
    return None if key is None else work.command_key(command.operation, key, content(input))


def content(input: Any) -> dict[str, Any]:  # noqa: ANN401 (any input)
    """What two inputs have in common that are one command sent twice."""
    values = {name: getattr(input, name) for name in _names_of(input)}
    return {name: value for name, value in values.items() if value is not None or name not in ADDED_LATER}


def files_in(input: Any) -> list[Attachment]:  # noqa: ANN401 (any input)
    """The files that came with an input."""
    lists = [value for value in content(input).values() if isinstance(value, list)]
    return [file for value in lists for file in value if isinstance(file, Attachment)]


def record(work: Work, request: Request, actor: Actor, keys: Any = ()) -> None:  # noqa: ANN401
    work.record(actor, correlation_id=request.correlation_id, recorded_at=request.recorded_at, keys=keys)


async def person_id(work: Work, typed: str, *field: str) -> UUID:
    """The person with a national ID.

    Raises:
        Refused: INVALID_ID, or NOT_FOUND.
    """
    owner = await work.owner(Claim("national_id", national_id(typed, field=field)))
    if owner is None:
        refuse(ProblemCode.NOT_FOUND, *field)
    return owner


def replacement_of(stream: UUID) -> Claim:
    """What a correction claims of the thing that was recorded in error: of several, also at once, one replaces it."""
    return Claim("replacement", str(stream))


async def docket_of(work: Work, person: UUID, now: datetime) -> Docket:
    """A person's docket, opened where there is none yet."""
    docket = await work.find(Docket, Docket.create_id(person))
    if docket is None:
        docket = Docket.open(person, now=now)
        work.add(docket)
    return docket


async def visa_case(work: Work, request: Request, number: str, *field: str) -> tuple[Visa, Docket]:
    """A visa and its holder's docket, with everything recorded that has fallen due on any of the holder's cases.

    Raises:
        Refused: NOT_FOUND.
    """
    visa = await work.find(Visa, Visa.create_id(number))
    if visa is None:
        refuse(ProblemCode.NOT_FOUND, *field)
    return visa, await docket_today(work, request, visa.holder_id, visa)


async def docket_today(work: Work, request: Request, person: UUID, *cases: Visa | Violation) -> Docket:
    """A person's docket, with everything recorded that has fallen due on these cases and on all others of theirs."""
    due = [] if request.caught_up else await work.due(person, riyadh_day(request.now))
    await work.read(due)
    others = [await work.find(Aggregate, stream) for stream in due]
    docket = await docket_of(work, person, request.now)
    bring_up_to(work, request, docket, *cases, *(case for case in others if isinstance(case, Visa | Violation)))
    return docket


async def violation_case(work: Work, request: Request, number: str, *field: str) -> tuple[Violation, Docket]:
    """A violation and its violator's docket, with everything recorded that has fallen due on it.

    Nothing that is decided of a violation depends on what time alone makes of the violator's other cases.

    Raises:
        Refused: NOT_FOUND.
    """
    violation = await work.find(Violation, Violation.create_id(number))
    if violation is None:
        refuse(ProblemCode.NOT_FOUND, *field)
    docket = await docket_of(work, violation.violator_id, request.now)
    bring_up_to(work, request, docket, violation)
    return violation, docket


def bring_up_to(work: Work, request: Request, docket: Docket, *cases: Visa | Violation) -> None:
    """Record what has fallen due on a person's cases, so that a late clock changes no outcome."""
    docket.bring_up_to(cases, riyadh_day(request.now))
    if any(case.pending_events for case in cases):
        record(work, request, CLOCK)
