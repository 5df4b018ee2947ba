"""`sijil client`: agencies' programs, which get tokens for a signed assertion."""

from pathlib import Path
from typing import Annotated

import typer

from access.client import Client, PublicKey, kind_of, read_public_key
from cli.program import carry_out, current_settings
from cli.riyadh import in_riyadh
from domain.catalogue import AGENCY_OPERATIONS
from installation import open_installation
from settings import Settings
from store.faults import ExitStatus, Fault

LONGEST_PUBLIC_KEY = 65_536
app = typer.Typer()
client = typer.Typer(
    help="Agencies' programs, which get tokens for a signed assertion.",
    epilog="Example: sijil client add --agency traffic --public-key public.pem",
    no_args_is_help=True,
)


app.add_typer(client, name="client")


@client.command("add", epilog="Example: sijil client add --agency traffic --public-key public.pem")
def client_add(
    agency: Annotated[str, typer.Option(help="Code of the agency it acts for.")],
    public_key: Annotated[Path, typer.Option(help="Its public key, PEM or JWK: Ed25519, P-256 or RSA.")],
) -> None:
    """Register a program of an agency and print its id."""
    settings = current_settings()
    check_agency(agency)
    try:
        with public_key.open("rb") as file:
            key = read_public_key(file.read(LONGEST_PUBLIC_KEY))
    except OSError as error:
        raise Fault(f"{public_key} cannot be read: {error.strerror}.", ExitStatus.FILE) from error
    typer.echo(carry_out(_client_add(settings, agency, key)))
    advice = f"Tell the agency this id: its program signs assertions for {settings.origin} with it (docs/agencies.md)."
    typer.echo(advice, err=True)


async def _client_add(settings: Settings, agency: str, key: PublicKey) -> str:
    async with open_installation(settings) as installation:
        return await installation.clients.add(agency, key, now=installation.now())


@client.command("list", epilog="Example: sijil client list")
def client_list() -> None:
    """List the programs: id, agency, key, since when and until when."""
    known = carry_out(_client_list(current_settings()))
    if not known:
        typer.echo("No program is registered.", err=True)
    for one in known:
        until = f"removed {in_riyadh(one.removed_at)}" if one.removed_at else "in use"
        kind = kind_of(one.public_key)
        typer.echo(f"{one.id:22}  {one.agency:14}  {kind:8}  added {in_riyadh(one.added_at)}  {until}")


async def _client_list(settings: Settings) -> list[Client]:
    async with open_installation(settings) as installation:
        return await installation.clients.all()


@client.command("remove", epilog="Example: sijil client remove traffic-3f9a2c")
def client_remove(
    client_id: Annotated[str, typer.Argument(metavar="ID", help="As `sijil client list` shows it.")],
) -> None:
    """Refuse a program from now on; its tokens end within five seconds."""
    if not carry_out(_client_remove(current_settings(), client_id)):
        raise Fault(f"There is no program {client_id}: sijil client list shows them.", ExitStatus.FILE)


async def _client_remove(settings: Settings, client_id: str) -> bool:
    async with open_installation(settings) as installation:
        return await installation.clients.remove(client_id, now=installation.now())


def check_agency(agency: str | None) -> None:
    if agency is not None and agency not in AGENCY_OPERATIONS:
        raise Fault(f"There is no agency {agency}; it is one of {', '.join(AGENCY_OPERATIONS)}.", ExitStatus.FILE)
