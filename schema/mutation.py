"""What all mutations share: a refused command becomes the problems of its payload, here and nowhere else."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar, get_type_hints
from uuid import UUID

import strawberry

from access.attempts import Limit
from access.permission import Forbidden, require, role_for
from commands import COMMANDS
from commands.command import Request, execute, is_repeated
from commands.recorded import recorded
from domain.actor import Actor, Role
from domain.errors import Refused, RequestErrorCode
from schema.context import Context, Info
from schema.errors import RequestError
from schema.problems import problem_shown
from store.work import Work

P = ParamSpec("P")
T = TypeVar("T")

CHANNEL = "graphql"
NOBODY = Actor(Role.PERSON, "nobody", CHANNEL)

Resolve = Callable[Concatenate[Any, Info, P], Awaitable[T]]


def mutation(description: str) -> Callable[[Resolve[P, T]], Resolve[P, T]]:
    """Make a method a mutation. Its payload has `problems`, and everything else in it can be null."""

    def field(resolve: Resolve[P, T]) -> Resolve[P, T]:
        resolve.__annotations__ = {name: _described(hint) for name, hint in resolve.__annotations__.items()}
        payload = get_type_hints(resolve)["return"].__args__[0]  # of `Payload | None`

        @wraps(resolve)
        async def answered(self: Any, info: Info, *args: P.args, **kwargs: P.kwargs) -> T:  # noqa: ANN401
            try:
                return await resolve(self, info, *args, **kwargs)
            except Refused as refused:
                language = info.context.language
                answer: T = payload(problems=[problem_shown(problem, language) for problem in refused.problems])
                return answer
            except Forbidden:
                raise RequestError(_why_not(info.context)) from None

        made: Any = strawberry.mutation(answered, description=description)
        found: Resolve[P, T] = made
        return found

    return field


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
    """Who asks for an operation, in the role that allows it.

    Raises:
        Forbidden: nobody known, or somebody who may never use it.
    """
    actor = _actor(context, operation)
    require(actor, operation)
    return Request(actor, context.now, _new_id(context))


def anybodys_request(context: Context, person_id: UUID | None = None) -> Request:
    """Of somebody who need not have signed in."""
    actor = NOBODY if person_id is None else Actor(Role.PERSON, str(person_id), CHANNEL)
    return Request(actor, context.now, _new_id(context))


def _actor(context: Context, operation: str) -> Actor:
    reader = context.reader
    if reader.agency is not None:
        return Actor(Role.AGENCY_FEED, reader.agency, CHANNEL)
    if reader.person is None:
        raise Forbidden(operation)
    return Actor(role_for(operation, reader.roles), str(reader.person.id), CHANNEL)


def _new_id(context: Context) -> UUID:
    return Work(context.accounts.log).new_id()


async def change(
    context: Context,
    operation: str,
    input: Any,  # noqa: ANN401 (the operation's)
    *,
    also: Callable[[Work], Awaitable[None]] | None = None,
    limit: Limit | None = None,
) -> int:
    """Carry a command out, and wait until the read models show it.

    Args:
        context: of the operation.
        operation: its GraphQL name.
        input: the operation's.
        also: what goes with it in the same transaction.
        limit: how often the reader may do such a thing; repetitions do not count.

    Returns:
        The position of its last event, also of one that was recorded for it before.

    Raises:
        Forbidden: the reader may never use it.
        Refused: the rules do not allow it.
    """
    request = request_for(context, operation)

    async def decide(work: Work) -> int | None:
        problems.clear()
        done = await execute(work, COMMANDS[operation], request, input)
        if done.problem is not None:
            problems.append(done.problem)
        if done.position is None and also is not None:
            await also(work)
        return done.position

    problems: list[Any] = []
    log = context.accounts.log
    if limit is not None and not await is_repeated(Work(log), COMMANDS[operation], request, input):
        await context.accounts.attempts.count(limit, UUID(request.actor.subject).bytes, now=context.now)
    position = await recorded(log, decide)
    await context.see(position)
    if problems:
        raise Refused(problems[-1])  # recorded as a fact, and refused all the same
    return position
