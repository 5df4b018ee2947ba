"""What all mutations share: a refused command becomes the problems of its payload, here and nowhere else."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import fields
from functools import wraps
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeVar, get_type_hints
from uuid import UUID

import strawberry

from access.attempts import Limit
from access.challenge import WrongCode
from access.permission import Forbidden, require, roles_for
from commands import COMMANDS
from commands.command import NotTheirs, Request, execute, files_in, is_repeated
from commands.form import normal
from commands.objection import violation_of
from commands.recorded import recorded
from domain.actor import Actor, Role, Way
from domain.docket import Docket
from domain.errors import Problem, ProblemCode, Refused, RequestErrorCode
from schema.access import Data, require_purpose
from schema.challenge import challenge_shown
from schema.context import Context, Info
from schema.errors import RequestError
from schema.ids import row_id
from schema.look import Told, note_told
from schema.problems import problem_shown
from schema.scalars import Position
from store.work import Work

P = ParamSpec("P")
T = TypeVar("T")

NOBODY = Actor(Role.PERSON, "nobody", Way.GRAPHQL)

NOT_FOUND_AFTER: Final = 0.05
"""Seconds after which a mutation says at the earliest that there is no such thing. Of something that there is, but not for
this reader, more is read before the same is said: without a floor the time would tell."""

Resolve = Callable[Concatenate[Any, Info, P], Awaitable[T]]


class Kept(Refused):
    """A report that was refused, and recorded as that."""

    def __init__(self, problem: Problem, position: int) -> None:
        super().__init__(problem)
        self.position = position


def mutation(description: str) -> Callable[[Resolve[P, T]], Resolve[P, T]]:
    """Make a method a mutation. Its payload has `problems`, and everything else in it can be null."""

    def field(resolve: Resolve[P, T]) -> Resolve[P, T]:
        resolve.__annotations__ = {name: _described(hint) for name, hint in resolve.__annotations__.items()}
        payload = get_type_hints(resolve)["return"].__args__[0]  # of `Payload | None`

        @wraps(resolve)
        async def answered(self: Any, info: Info, *args: P.args, **kwargs: P.kwargs) -> T:  # noqa: ANN401
            earliest = asyncio.get_running_loop().time() + NOT_FOUND_AFTER
            try:
                return await resolve(self, info, *args, **kwargs)
            except Refused as refused:
                answer: T = payload(**await _told(info.context, refused, shown_in(payload), kwargs.get("input")))
                if is_not_found(refused):
                    await _until(earliest)
                return answer
            except RequestError as error:
                if error.code is RequestErrorCode.PURPOSE_REQUIRED:  # of who may have found nothing as a person
                    await _until(earliest)
                raise
            except Forbidden:
                raise RequestError(_why_not(info.context)) from None

        made: Any = strawberry.mutation(answered, description=description)
        found: Resolve[P, T] = made
        return found

    return field


async def _told(context: Context, refused: Refused, fields: set[str], input: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the payload of a refused command shows, as far as it has such fields."""
    context.call.problems.extend(problem.code.value for problem in refused.problems)
    told: dict[str, Any] = {"problems": [problem_shown(problem, context.language) for problem in refused.problems]}
    is_agency = context.reader.agency is not None  # it reports, and is told of what it has reported only
    if (
        "number" in fields
        and not is_agency
        and any(problem.code is ProblemCode.CONFLICT for problem in refused.problems)
    ):
        await context.see(await context.accounts.log.head())  # what it was in conflict with
        told["number"] = case_number(input)
    if isinstance(refused, Kept):
        told["position"] = Position(refused.position)
    if isinstance(refused, WrongCode) and "challenge" in fields:
        told["challenge"] = challenge_shown(refused.challenge)
    return told


def is_not_found(refused: Refused) -> bool:
    return any(problem.code is ProblemCode.NOT_FOUND for problem in refused.problems)


async def _until(moment: float) -> None:
    await asyncio.sleep(moment - asyncio.get_running_loop().time())


def shown_in(payload: Any) -> set[str]:  # noqa: ANN401 (any payload)
    return {field.name for field in fields(payload)}


def case_number(input: Any) -> str | None:  # noqa: ANN401 (any input)
    """The number of the visa or violation that an input is about; an objection's is its violation's."""
    clean = normal(input)
    if (objection := getattr(clean, "objection_number", None)) is not None:
        return violation_of(objection)
    names = ("number", "visa_number", "violation_number")
    return next((number for name in names if (number := getattr(clean, name, None)) is not None), None)


def _described(hint: Any) -> Any:  # noqa: ANN401 (a type hint has no type of its own)
    """An argument that is an input says what that says."""
    definition = getattr(hint, "__strawberry_definition__", None)
    if definition is None or not definition.is_input:
        return hint
    return Annotated[hint, strawberry.argument(description=definition.description)]


def _why_not(context: Context) -> RequestErrorCode:
    known = context.reader.person is not None or context.reader.agency is not None
    return RequestErrorCode.FORBIDDEN if known else RequestErrorCode.UNAUTHENTICATED


def request_for(context: Context, operation: str) -> Request:
    """Who asks for an operation, in the first role that allows it.

    Raises:
        Forbidden: nobody known, or somebody who may never use it.
    """
    return _requests(context, operation)[0]


def anybodys_request(context: Context, person_id: UUID | None = None) -> Request:
    """Of somebody who need not have signed in."""
    actor = NOBODY if person_id is None else Actor(Role.PERSON, str(person_id), Way.GRAPHQL)
    return Request(actor, context.now, context.call.correlation_id)


def _requests(context: Context, operation: str) -> list[Request]:
    """The same request in every role that allows it."""
    actors = _actors(context, operation)
    for actor in actors:
        require(actor, operation)
    return [Request(actor, context.now, context.call.correlation_id) for actor in actors]


def _actors(context: Context, operation: str) -> list[Actor]:
    reader = context.reader
    if reader.agency is not None:
        return [Actor(Role.AGENCY_FEED, reader.agency, Way.GRAPHQL)]
    if reader.person is None:
        raise Forbidden(operation)
    subject = str(reader.person.id)
    return [Actor(role, subject, Way.GRAPHQL) for role in roles_for(operation, reader.roles)]


async def change(
    context: Context,
    operation: str,
    input: Any,  # noqa: ANN401 (the operation's)
    *,
    also: Callable[[Work], Awaitable[None]] | None = None,
    limit: Limit | None = None,
    shows: Data | None = None,
    tells: Callable[[Any], Told] | None = None,
) -> int:
    """Carry a command out, and wait until the read models show it.

    Who holds several roles that allow it acts in the first one in which there is such a thing, and it is theirs to ask:
    a sponsor as a person, of whom else they see visas as an officer.

    Args:
        context: of the operation.
        operation: its GraphQL name.
        input: the operation's.
        also: what goes with it in the same transaction.
        limit: how often the reader may do such a thing; repetitions do not count.
        shows: what the answer shows, or tells of by a refusal: an official needs a purpose for it before anything is done.
        tells: of whom a refusal tells, by the input in its form: an official's look at them is noted.

    Returns:
        The position of its last event, also of one that was recorded for it before.

    Raises:
        Forbidden: the reader may never use it.
        RequestError: PURPOSE_REQUIRED.
        Refused: the rules do not allow it.
    """
    requests = _requests(context, operation)
    log = context.accounts.log
    if limit is not None and not await is_repeated(Work(log), COMMANDS[operation], requests[0], input):
        await context.accounts.attempts.count(limit, UUID(requests[0].actor.subject).bytes, now=context.now)
    requests = await _remembered_first(context, operation, requests, input)
    for request in requests:
        _may_see(context, request, shows)
        try:
            position, problem, changed = await _recorded(context, operation, request, input, also)
        except Refused as refused:
            if isinstance(refused, NotTheirs) or is_not_found(refused):
                if request is requests[-1]:
                    raise
                continue
            if tells is not None and request.actor.role not in {Role.PERSON, Role.AGENCY_FEED}:
                await _note(context, request.actor.role, tells, input)
            raise
        else:
            break
    await context.see(position)
    for type_name, stream in changed:  # where its first fact cannot be shown no row names it
        row_id(context, type_name, stream)
    if problem is not None:
        raise Kept(problem, position)
    return position


async def _note(context: Context, role: Role, tells: Callable[[Any], Told], input: Any) -> None:  # noqa: ANN401
    """Write a look into the access log of whom a refusal tells.

    Raises:
        RequestError: READ_MODEL_BEHIND, it cannot be known yet whose that is.
    """
    await context.see(await context.accounts.log.head())
    if context.is_behind:
        raise RequestError(RequestErrorCode.READ_MODEL_BEHIND)
    with suppress(Refused):  # for its form: then nothing was looked up
        await note_told(context, role, tells(normal(input)))


def may(context: Context, operation: str, *, shows: Data | None) -> None:
    """Ask what `change` asks in the reader's first role before it records anything.

    Raises:
        Forbidden: the reader may never use it.
        RequestError: PURPOSE_REQUIRED.
    """
    _may_see(context, request_for(context, operation), shows)


def _may_see(context: Context, request: Request, shows: Data | None) -> None:
    if shows is not None and request.actor.role is not Role.PERSON:
        require_purpose(context, shows)


async def _remembered_first(
    context: Context,
    operation: str,
    requests: list[Request],
    input: Any,  # noqa: ANN401 (the operation's)
) -> list[Request]:
    """What was done in a role stays done in it, whatever the reader may do in others by now."""
    for request in requests[1:]:
        if await is_repeated(Work(context.accounts.log), COMMANDS[operation], request, input):
            return [request]
    return requests


async def _recorded(
    context: Context,
    operation: str,
    request: Request,
    input: Any,  # noqa: ANN401 (the operation's)
    also: Callable[[Work], Awaitable[None]] | None,
) -> tuple[int, Problem | None, list[tuple[str, UUID]]]:
    """Where it was recorded, the problem if it was recorded as refused, and the nodes that were changed: type and stream."""
    problem: Problem | None = None
    changed: list[tuple[str, UUID]] = []

    async def decide(work: Work) -> int | None:
        nonlocal problem, changed
        done = await execute(work, COMMANDS[operation], request, input)
        problem = done.problem
        if done.position is None:
            if also is not None:
                await also(work)
            if problem is None:
                await _keep_files(context, input)
        streams = {entry.event.originator_id for entry in work.change.entries}
        changed = [(type(one).__name__, id) for id, one in work.used() if id in streams and not isinstance(one, Docket)]
        return done.position

    return await recorded(context.accounts.log, decide), problem, changed


async def _keep_files(context: Context, input: Any) -> None:  # noqa: ANN401 (the operation's)
    """Put the files of an input where they stay, before anything that names them is recorded."""
    files = files_in(input)
    if files and context.received is not None:
        await context.received.keep(file.sha256 for file in files)
