"""`sijil token` and `appoint`: for one person."""

from contextlib import suppress
from typing import Annotated
from uuid import UUID

import typer

from cli.client import check_agency
from cli.program import carry_out, current_settings
from commands.global_id import read_global_id
from commands.recorded import recorded
from domain import formats
from domain.actor import Actor, Role, Way
from domain.errors import Refused, message
from domain.user import User
from installation import Installation, open_installation
from settings import Settings
from store.change import Claim
from store.faults import ExitStatus, Fault
from store.work import Work

SETUP = Actor(Role.ADMINISTRATOR, "setup", Way.CLI)
app = typer.Typer()


@app.command(epilog='Example: curl -H "Authorization: Bearer $(sijil token --as rajesh)" …')
def token(
    as_: Annotated[str | None, typer.Option("--as", help="User name or ID of a person.")] = None,
    agency: Annotated[str | None, typer.Option(help="Code of an agency, for its feed.")] = None,
) -> None:
    """Print a short-lived access token."""
    settings = current_settings()
    if settings.env == "production":
        raise Fault("In production people sign in; tokens are not made by hand.", ExitStatus.SETTINGS)
    if (as_ is None) == (agency is None):
        raise Fault("Say whose token: --as USERNAME, or --agency CODE.", ExitStatus.FILE)
    check_agency(agency)
    typer.echo(carry_out(_token(settings, as_, agency)))


async def _token(settings: Settings, typed: str | None, agency: str | None) -> str:
    async with open_installation(settings) as installation:
        person = None if typed is None else await person_of(installation, typed)
        return installation.token_keys.issue(
            person, now=installation.now(), seconds=settings.access_token_seconds, agency=agency
        )


def person_id_in(typed: str) -> UUID | None:
    """Whom an id names, as the API gives it or as it is in the record; None: it is no id."""
    named = read_global_id(typed)
    if named is not None and named[0] == "Person":
        return named[1]
    with suppress(ValueError):
        return UUID(typed)
    return None


async def person_of(installation: Installation, typed: str) -> UUID:
    name, number = Claim("username", formats.username_key(typed)), Claim("national_id", formats.digits(typed))
    owners = await installation.log.owners([name, number])
    person = owners.get(name) or owners.get(number)
    if person is None and await installation.log.head() == 0:
        raise Fault(
            f"The log of {installation.settings.data_dir} is empty: fill it first, with sijil run or sijil import.",
            ExitStatus.FILE,
        )
    if person is None:
        raise Fault(f"Nobody has the user name or ID {typed}.", ExitStatus.FILE)
    return person


@app.command(epilog="Example: sijil appoint 1004010607")
def appoint(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="User name or ID of a registered person.")],
) -> None:
    """Make somebody an administrator.

    The installation appoints the first one; further roles are granted through the API.
    """
    position = carry_out(_appoint(current_settings(), person))
    typer.echo(f"{person} is an administrator since position {position} of the log.")


async def _appoint(settings: Settings, typed: str) -> int:
    async with open_installation(settings) as installation:
        person = await person_of(installation, typed)

        async def decide(work: Work) -> None:
            user = await work.find(User, person)
            if user is None:
                raise Fault(f"Nobody has the user name or ID {typed}.", ExitStatus.FILE)
            user.grant_role(Role.ADMINISTRATOR, by=SETUP.subject, now=installation.now())
            work.record(SETUP, correlation_id=work.new_id())

        try:
            return await recorded(installation.log, decide)
        except Refused as refused:
            reasons = "; ".join(message(problem).en for problem in refused.problems)
            raise Fault(f"{typed} cannot be appointed: {reasons}.", ExitStatus.FILE) from refused
