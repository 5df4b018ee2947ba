"""`sijil`: the command line of an installation."""

import asyncio
import gc
import getpass
import logging
import os
import shlex
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any, TextIO, TypeVar
from uuid import UUID

import msgspec
import psycopg
import typer
import uvicorn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from access.client import Client, PublicKey, kind_of, read_public_key
from access.key_set import rotate_keys
from commands.feed import FeedUnusable
from commands.importer import Importer, Options, refusals, refused_by_reason, unfinished
from commands.importer import Progress as Imported
from commands.importer import abandon as abandon_import
from commands.recorded import recorded
from domain import formats
from domain.actor import Actor, Role
from domain.catalogue import AGENCY_OPERATIONS
from domain.errors import Refused, message
from domain.user import User
from messages import report
from projections import READ_MODELS
from projections.build import build, building_alone
from projections.check import differences
from projections.followed import Followed
from projections.read_model import ReadModel
from projections.set_aside import retry, skip
from projections.state import states
from projections.tables import SetAside
from projections.tables import drop as drop_kept
from schema import export
from server import (
    Installation,
    application,
    background,
    following,
    gateways,
    measured,
    open_installation,
    telling,
    told,
    working,
)
from settings import Settings, SettingsError, describe, read_settings
from store.change import Claim, LogUnavailable
from store.codec import RecordDamaged
from store.faults import ExitStatus, Fault
from store.work import Work
from telemetry.logs import start_logging
from telemetry.spans import NoExporter, start_spans
from workers import Workers

logger = logging.getLogger("cli")  # also where this file is run as a program of its own

DEMO_FEED = Path(__file__).parent / "demo" / "feed.jsonl.gz"
SOME_REFUSED = 3
SOME_DIFFER = SOME_STAY = 1
SETUP = Actor(Role.ADMINISTRATOR, "setup", "cli")
SERVE_WITHIN = 30.0  # seconds that a server waits for its read models before it answers; then /readyz tells
SERVE_WHEN_STILL = 5.0  # seconds: they do not move, the server answers nevertheless
LOOK_AGAIN_AFTER = 0.5  # seconds: whether the follower still follows
GIVE_UP_WHEN_STILL = 30.0  # seconds: they do not move after an import
QUEUED = 2_048  # connections that wait to be taken
LONGEST_PUBLIC_KEY = 65_536
IMPORT_CACHE = 500_000  # events: a case comes back when it falls due, a month and more after it was recorded

HELP = """Sijil (سجل): an e-government record with a GraphQL API.

\b
Examples:
  sijil run                                       serve, with the demo's people in development
  sijil serve --port 8080                         serve what is there
  sijil serve --workers 2                         in two processes
  sijil work                                      only keep the read models up, and the clock going
  sijil import feed.jsonl --agency traffic        take an agency's feed in
  sijil token --as rajesh                         a token to try queries with
  sijil appoint 1004010607                        make somebody an administrator
  sijil client list                               the agencies' programs that get tokens
  sijil keys rotate                               sign access tokens with a new key
  sijil rebuild visa                              build a read model from event one, beside the live one
  sijil readmodel list                            how far the read models are, and what is kept back
  sijil outbox                                    what was sent to people, and what could not be
  sijil schema > schema.graphql                   the API's schema
  SIJIL_PORT=9000 sijil settings                  every setting and where it comes from
"""

app = typer.Typer(
    name="sijil",
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
client = typer.Typer(
    help="Agencies' programs, which get tokens for a signed assertion.",
    epilog="Example: sijil client add --agency traffic --public-key public.pem",
    no_args_is_help=True,
)
keys = typer.Typer(help="The keys that sign access tokens.", epilog="Example: sijil keys rotate", no_args_is_help=True)
readmodel = typer.Typer(
    help="How far the read models are, and events that could not be applied to them.",
    epilog="Example: sijil readmodel retry",
    no_args_is_help=True,
)
app.add_typer(client, name="client")
app.add_typer(keys, name="keys")
app.add_typer(readmodel, name="readmodel")


def main() -> None:
    """Run a command; what goes wrong around the program is one line on stderr and an exit status of its own."""
    # What stands after the imports stays, and events come by the thousand: fewer collections import a third faster.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        app()
    except SettingsError as error:
        _fail(" ".join(error.sentences), ExitStatus.SETTINGS)
    except Fault as fault:
        _fail(fault.message, fault.exit_status)
    except FeedUnusable as fault:
        _fail(str(fault), ExitStatus.FILE)
    except RecordDamaged as fault:
        _fail(told(fault), ExitStatus.DAMAGED)
    except (psycopg.Error, LogUnavailable) as fault:
        logger.debug("the command has failed", exc_info=True)
        _fail(told(fault), ExitStatus.DATABASE)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except Exception as fault:
        logger.debug("the command has failed", exc_info=True)
        _fail(f"{told(fault)}: not foreseen; SIJIL_LOG_LEVEL=debug shows more.", ExitStatus.PROGRAM)


def _fail(message: str, status: int) -> None:
    print(f"sijil: {message}", file=sys.stderr)  # noqa: T201
    sys.exit(status)


def _settings(**given: object) -> Settings:
    settings = read_settings(os.environ)
    start_logging(settings.log_level, settings.log_format)
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


@app.command(epilog="Example: sijil run")
def run() -> None:
    """Serve, with the demo feed."""
    _serve(_settings(), demo=True)


@app.command(epilog="Example: sijil serve --port 8080")
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default SIJIL_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0: any; default SIJIL_PORT.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes to serve in; not set: in this one.")] = None,
    worker: Annotated[int, typer.Option(min=1, hidden=True)] = 1,
    shared: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve GraphQL."""
    settings = _settings(host=host, port=port)
    if shared is not None:
        _serve_as_worker(settings, worker, socket.socket(fileno=shared))
    elif workers is not None:
        _serve_by_workers(settings, workers)
    else:
        _serve(settings, demo=False)


T = TypeVar("T")


def _run(work: Coroutine[None, None, T]) -> T:
    """Run to the end, or until SIGINT, SIGTERM or SIGHUP: what is open is closed either way."""

    async def stoppable() -> T:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    return asyncio.run(stoppable())


def _stop_if_told() -> None:
    """Stop here if told to before: wait_for of Python 3.11, in psycopg, loses a cancellation that comes with its answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@app.command(epilog="Example: sijil work")
def work(
    while_stdin_is_open: Annotated[bool, typer.Option("--while-stdin-is-open", hidden=True)] = False,
) -> None:
    """Follow the log, without serving."""
    settings = _settings()
    if while_stdin_is_open:  # beside an import, and perhaps beside a server, which has the port
        settings = settings.model_copy(update={"metrics_port": None})
    with _observed(settings) as asked:
        _run(_work(settings, asked, while_stdin_is_open=while_stdin_is_open))


async def _work(settings: Settings, asked: socket.socket | None, *, while_stdin_is_open: bool) -> None:
    ended = asyncio.Event()
    async with AsyncExitStack() as beside:
        if while_stdin_is_open:
            beside.enter_context(_set_when_stdin_ends(ended))
        # Beside an import nothing is sent: it needs no gateways.
        delivering = None if while_stdin_is_open else await beside.enter_async_context(gateways(settings))
        installation = await beside.enter_async_context(open_installation(settings))
        await beside.enter_async_context(measured(installation, asked))
        follower, _ = await beside.enter_async_context(following(installation))
        if delivering is not None:
            await _warn_of_unfinished(installation)
        if ended.is_set():  # an import that could not begin
            return
        async with working(installation, delivering):
            _stop_if_told()
            if not while_stdin_is_open:
                await ended.wait()
            while follower.health.reason is None and not ended.is_set():  # who waits for this process sees it end
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_AGAIN_AFTER):
                        await ended.wait()


@contextmanager
def _set_when_stdin_ends(event: asyncio.Event) -> Iterator[None]:
    loop, stdin = asyncio.get_running_loop(), sys.stdin.fileno()

    def ended() -> None:
        loop.remove_reader(stdin)
        event.set()

    loop.add_reader(stdin, ended)  # nobody writes: it is readable when it ends
    try:
        yield
    finally:
        loop.remove_reader(stdin)


async def _warn_of_unfinished(installation: Installation) -> None:
    left = await unfinished(installation.database)
    if left is not None:
        logger.warning(
            "The import of %s is not finished; until it is, nothing that falls due is recorded: sijil import %s goes on.",
            left.file,
            shlex.quote(left.file),
        )


def _serve(settings: Settings, *, demo: bool) -> None:
    demo = demo and settings.env == "development"
    # Before anything is started that would have to be stopped again.
    with _listen(settings.host, settings.port) as listening, _observed(settings) as asked:
        _run(_serve_on(listening, settings, asked, Announcement(listening, demo=demo).say, demo=demo))


def _serve_as_worker(settings: Settings, number: int, listening: socket.socket) -> None:
    with listening, _observed(settings, worker=number) as asked:
        _run(_serve_on(listening, settings, asked, lambda: print("answers", flush=True), while_stdin_is_open=True))  # noqa: T201


def _serve_by_workers(settings: Settings, count: int) -> None:
    with _listen(settings.host, settings.port) as listening:
        _run(_keep_workers(settings, listening, count))


async def _keep_workers(settings: Settings, listening: socket.socket, count: int) -> None:
    """Do once what workers need not do each: what is wrong shows here, and the embedded database is there for all."""
    shared = listening.fileno()

    def program(number: int) -> list[str]:
        options = ["--host", settings.host, "--worker", str(number), "--shared", str(shared)]
        return [sys.executable, str(Path(__file__)), "serve", *options]

    async with gateways(settings), open_installation(settings) as installation:
        await _warn_of_unfinished(installation)
        _stop_if_told()
        await Workers(program, count, shared=shared, started=Announcement(listening).say).run()


@contextmanager
def _observed(settings: Settings, *, worker: int = 1) -> Iterator[socket.socket | None]:
    """Make spans inside the block, if that is asked for; and a socket to be asked for metrics on, else None."""
    port = settings.metrics_port and settings.metrics_port + worker - 1  # 0: any free one
    try:
        spans = start_spans()
    except NoExporter as fault:
        raise Fault(f"{str(fault)[0].upper()}{str(fault)[1:]}.", ExitStatus.SETTINGS) from fault
    listening = nullcontext() if port is None else _listen(settings.metrics_host, port, "METRICS")
    try:
        with listening as asked:
            if asked is not None:
                logger.info("metrics are on http://%s:%d/metrics", *asked.getsockname()[:2])
            yield asked
    finally:
        if spans is not None:
            spans.shutdown()


def _listen(host: str, port: int, purpose: str = "") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # First by itself: create_server would tell a name that is not known as an error of the address.
        socket.getaddrinfo(host or None, port, family, socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listening = socket.create_server((host, port), family=family)
    except (socket.gaierror, UnicodeError) as error:
        words = error.strerror if isinstance(error, OSError) else "it is not a name"
        advice = "SIJIL_METRICS_HOST" if purpose else "--host, or SIJIL_HOST"
        reason = f"{host} cannot be listened on: {words}. Choose another {advice}."
        raise Fault(reason, ExitStatus.SETTINGS) from error
    except OSError as error:
        # Not the error's own text, in which the library repeats the address.
        advice = "SIJIL_METRICS_PORT" if purpose else "--port, or SIJIL_PORT"
        reason = f"{host}:{port} cannot be listened on: {os.strerror(error.errno or 0)}. Choose another {advice}."
        raise Fault(reason, ExitStatus.BUSY) from error
    # Its connections have it too. An answer goes out in two pieces; the second would wait until the first is acknowledged.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


async def _serve_on(
    listening: socket.socket,
    settings: Settings,
    asked: socket.socket | None,
    started: Callable[[], None],
    *,
    demo: bool = False,
    while_stdin_is_open: bool = False,
) -> None:
    if while_stdin_is_open:
        _end_with_stdin()
    async with (
        gateways(settings) as delivering,
        open_installation(settings) as installation,
        measured(installation, asked),
        following(installation) as (follower, followed),
        telling(installation, followed) as updates,
    ):
        if demo:
            await _import_demo(installation)
        elif not while_stdin_is_open:
            await _warn_of_unfinished(installation)
        head = await installation.log.head()
        web = application(installation, follower, followed, updates, ready_from=head)
        config = uvicorn.Config(
            web,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=5,
            backlog=1 if while_stdin_is_open else QUEUED,  # asyncio takes as many at once: leave the others some
            ws="websockets-sansio",
            ws_max_size=settings.max_body_bytes,
            ws_per_message_deflate=False,  # it costs each connection more memory than all else together
            proxy_headers=settings.trusted_proxies is not None,
            forwarded_allow_ips=settings.trusted_proxies,
        )
        async with working(installation, delivering), background(web.state.live.run):
            await followed.catch_up(
                head,
                still=SERVE_WHEN_STILL,
                within=SERVE_WITHIN,
                stopped=lambda: follower.health.reason is not None,
            )
            _stop_if_told()
            await Server(config, started).serve(sockets=[listening])


def _end_with_stdin() -> None:
    """Have this process told to end when its standard input does; nobody writes there."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(sys.stdin.fileno())
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # else it ends already
            signal.raise_signal(signal.SIGTERM)

    loop.add_reader(sys.stdin.fileno(), ended)


class Announcement:
    """Where a server is to be found."""

    def __init__(self, listening: socket.socket, *, demo: bool = False) -> None:
        host, port = listening.getsockname()[:2]
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._demo = demo

    def say(self) -> None:
        typer.echo(f"\nSijil serves GraphQL on {self._address}/graphql; in a browser that is GraphiQL.")
        if self._demo:
            typer.echo(DEMO_ACCOUNTS)
        typer.echo("Ctrl-C stops everything.")


class Server(uvicorn.Server):
    """Tells when it answers, and leaves in good order when told to."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listening in sockets or ():
            listening.listen(QUEUED)
        self._tell()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Not uvicorn's, which raises the signal again when it has served: what is open still has to be closed then."""
        loop = asyncio.get_running_loop()
        told = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        for number in told:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in told:
                loop.remove_signal_handler(number)


async def _import_demo(installation: Installation) -> None:
    """Finish the import that was interrupted, whichever; or fill an empty log from the demo feed."""
    left = await unfinished(installation.database)
    if left is not None:
        await _import(installation, Path(left.file), Options(left.backdate, agency=left.agency))
    elif await installation.log.head() == 0:
        await _import(installation, DEMO_FEED, Options(backdate=True, ending_today=True))


@app.command("import", epilog="Example: sijil import feed.jsonl --agency traffic --rejects rejects.jsonl")
def import_(  # noqa: PLR0917 (typer takes options by their names)
    feed: Annotated[Path, typer.Argument(help="A feed: lines of JSON, or those packed by gzip (.gz).")],
    backdate: Annotated[
        bool, typer.Option("--backdate", help="Recorded when, and by whom, the lines say. Into an empty log.")
    ] = False,
    ending_today: Annotated[
        bool, typer.Option("--ending-today", help="Move all times so that the last line was yesterday.")
    ] = False,
    rejects: Annotated[Path | None, typer.Option(help="Write the refused lines here, as lines of JSON.")] = None,
    agency: Annotated[str | None, typer.Option(help="Whose feed it is: traffic, passports …")] = None,
    abandon: Annotated[bool, typer.Option("--abandon", help="Close the unfinished import of this feed.")] = False,
) -> None:
    """Import an agency feed.

    Exit status: 0 all recorded, 3 some refused, 2 the file could not be used.
    """
    settings = _settings()
    _check_agency(agency)
    if abandon:
        _run(_abandon(settings, feed.absolute()))
        return
    refused = _run(_import_into(settings, feed, Options(backdate, ending_today, agency), rejects))
    sys.exit(SOME_REFUSED if refused else 0)


async def _abandon(settings: Settings, feed: Path) -> None:
    async with open_installation(settings) as installation:
        left = await unfinished(installation.database)
        if left is None or left.file != str(feed):
            raise Fault(f"There is no unfinished import of {feed}.", ExitStatus.FILE)
        await abandon_import(installation.database, left.sha256)
        typer.echo(f"The import of {feed.name} is closed before line {left.next_line:,}; what it recorded stays.")


async def _import_into(settings: Settings, feed: Path, options: Options, rejects: Path | None) -> int:
    with _to_write(rejects) as file:
        async with (
            open_installation(settings, cached_events=IMPORT_CACHE) as installation,
            Followed(installation.database).watch() as followed,
            _working_beside() as worker,
        ):
            imported = await _import(installation, feed, options)
            refused = 0
            async for line in refusals(installation.database, imported.sha256):
                refused += 1
                if file is not None:
                    file.write(msgspec.json.encode(line).decode() + "\n")
            head = await installation.log.head()
            if not await followed.catch_up(
                head, still=GIVE_UP_WHEN_STILL, stopped=lambda: worker.returncode is not None
            ):
                message = (
                    f"Everything is recorded, up to position {head}, but the read models stand still at "
                    f"{followed.position}: the log of the process that follows says why."
                )
                raise Fault(message, ExitStatus.DATABASE)
            return refused


@asynccontextmanager
async def _working_beside() -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `sijil work` beside the block: the read models are made on another core.

    It ends with its standard input, so it does not outlive this process however that ends; and when it cannot follow.
    """
    program = (sys.executable, str(Path(__file__)), "work", "--while-stdin-is-open")
    worker = await asyncio.create_subprocess_exec(*program, stdin=asyncio.subprocess.PIPE, cwd=Path.cwd())
    try:
        yield worker
    finally:
        if worker.stdin is not None:
            worker.stdin.close()
        await worker.wait()


@contextmanager
def _to_write(file: Path | None) -> Iterator[TextIO | None]:
    if file is None:
        yield None
        return
    try:
        opened = file.open("w", encoding="utf-8")
    except OSError as error:
        raise Fault(f"{file} cannot be written: {error.strerror}.", ExitStatus.FILE) from error
    with opened:
        yield opened


@contextmanager
def _bar(description: str) -> Iterator[Callable[[float, int], None]]:
    """A bar on stderr; told how much is done, from 0 to 1, and how many events that took since the last time."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[events]:,} events, {task.fields[rate]:,.0f} events/s"),
        TimeRemainingColumn(),
    )
    begun = time.monotonic()
    count = 0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(description, total=1.0, events=0, rate=0.0)

        def report(done: float, more: int) -> None:
            nonlocal count
            count += more
            progress.update(bar, completed=done, events=count, rate=count / (time.monotonic() - begun))

        yield report


async def _import(installation: Installation, feed: Path, options: Options) -> Imported:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:,.0f} lines/s"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    bar = progress.add_task(f"Importing {feed.name}", total=None, rate=0.0)

    def report(line: int, lines: int) -> None:
        progress.start()  # not before: a feed that cannot be used shows no bar
        progress.update(bar, completed=line, total=lines)
        progress.update(bar, rate=progress.tasks[0].speed or 0.0)

    importer = Importer(
        installation.log,
        installation.database,
        now=installation.now,
        production=installation.settings.env == "production",
        report=report,
    )
    try:
        imported, was_done = await importer.run(feed, options)
    finally:
        if progress.live.is_started:  # else it would print an empty line
            progress.stop()
    before = " before, nothing is recorded again" if was_done else ""
    typer.echo(
        f"{feed.name} was imported{before}: {imported.recorded:,} lines recorded, {imported.repeated:,} repeated."
    )
    for count, operation, code in await refused_by_reason(installation.database, imported.sha256):
        typer.echo(f"  {count:,} refused: {operation} {code}")
    return imported


@app.command(epilog='Example: curl -H "Authorization: Bearer $(sijil token --as rajesh)" …')
def token(
    as_: Annotated[str | None, typer.Option("--as", help="User name or ID of a person.")] = None,
    agency: Annotated[str | None, typer.Option(help="Code of an agency, for its feed.")] = None,
) -> None:
    """Print a short-lived access token."""
    settings = _settings()
    if settings.env == "production":
        raise Fault("In production people sign in; tokens are not made by hand.", ExitStatus.SETTINGS)
    if (as_ is None) == (agency is None):
        raise Fault("Say whose token: --as USERNAME, or --agency CODE.", ExitStatus.FILE)
    _check_agency(agency)
    typer.echo(_run(_token(settings, as_, agency)))


async def _token(settings: Settings, typed: str | None, agency: str | None) -> str:
    async with open_installation(settings) as installation:
        person = None if typed is None else await _person(installation, typed)
        return installation.token_keys.issue(
            person, now=installation.now(), seconds=settings.access_token_seconds, agency=agency
        )


async def _person(installation: Installation, typed: str) -> UUID:
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
    position = _run(_appoint(_settings(), person))
    typer.echo(f"{person} is an administrator since position {position} of the log.")


async def _appoint(settings: Settings, typed: str) -> int:
    async with open_installation(settings) as installation:
        person = await _person(installation, typed)

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


def _check_agency(agency: str | None) -> None:
    if agency is not None and agency not in AGENCY_OPERATIONS:
        raise Fault(f"There is no agency {agency}; it is one of {', '.join(AGENCY_OPERATIONS)}.", ExitStatus.FILE)


@client.command("add", epilog="Example: sijil client add --agency traffic --public-key public.pem")
def client_add(
    agency: Annotated[str, typer.Option(help="Code of the agency it acts for.")],
    public_key: Annotated[Path, typer.Option(help="Its public key, PEM or JWK: Ed25519, P-256 or RSA.")],
) -> None:
    """Register a program of an agency and print its id."""
    settings = _settings()
    _check_agency(agency)
    try:
        with public_key.open("rb") as file:
            key = read_public_key(file.read(LONGEST_PUBLIC_KEY))
    except OSError as error:
        raise Fault(f"{public_key} cannot be read: {error.strerror}.", ExitStatus.FILE) from error
    typer.echo(_run(_client_add(settings, agency, key)))
    advice = f"Tell the agency this id: its program signs assertions for {settings.origin} with it (docs/agencies.md)."
    typer.echo(advice, err=True)


async def _client_add(settings: Settings, agency: str, key: PublicKey) -> str:
    async with open_installation(settings) as installation:
        return await installation.clients.add(agency, key, now=installation.now())


@client.command("list", epilog="Example: sijil client list")
def client_list() -> None:
    """List the programs: id, agency, key, since when and until when."""
    known = _run(_client_list(_settings()))
    if not known:
        typer.echo("No program is registered.", err=True)
    for one in known:
        until = f"removed {one.removed_at:%Y-%m-%d %H:%M} UTC" if one.removed_at else "in use"
        kind = kind_of(one.public_key)
        typer.echo(f"{one.id:22}  {one.agency:14}  {kind:8}  added {one.added_at:%Y-%m-%d %H:%M} UTC  {until}")


async def _client_list(settings: Settings) -> list[Client]:
    async with open_installation(settings) as installation:
        return await installation.clients.all()


@client.command("remove", epilog="Example: sijil client remove traffic-3f9a2c")
def client_remove(
    client_id: Annotated[str, typer.Argument(metavar="ID", help="As `sijil client list` shows it.")],
) -> None:
    """Refuse a program from now on; its tokens end within five seconds."""
    if not _run(_client_remove(_settings(), client_id)):
        raise Fault(f"There is no program {client_id}: sijil client list shows them.", ExitStatus.FILE)


async def _client_remove(settings: Settings, client_id: str) -> bool:
    async with open_installation(settings) as installation:
        return await installation.clients.remove(client_id, now=installation.now())


@keys.command("rotate", epilog="Example: sijil keys rotate")
def keys_rotate() -> None:
    """Sign access tokens with a new key.

    Tokens of the key before still hold, those of older ones do not: after a key has leaked, rotate twice. Running servers
    notice at once.
    """
    before, new = rotate_keys(_settings().token_key_file)
    typer.echo(f"Tokens are signed by the new key {new}; those of {before} still hold.")


@app.command(epilog="Example: sijil rebuild visa")
def rebuild(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A read model, like visa; or all.")] = "all",
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: report every row that does not follow from the record.")
    ] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop the tables whose place was taken, and what was not finished.")
    ] = False,
) -> None:
    """Build a read model from event one beside the live one, then put it in its place.

    A build that was killed goes on where it stood. With --check the exit status is 1 if rows differ.
    """
    settings, read_models = _settings(), _read_models(name)
    if check and drop:
        raise Fault("Either --check or --drop.", ExitStatus.FILE)
    if check:
        sys.exit(SOME_DIFFER if _run(_check(settings, read_models)) else 0)
    _run(_drop(settings, read_models) if drop else _rebuild(settings, read_models))


def _read_models(name: str) -> list[ReadModel[Any]]:
    found = [read_model for read_model in READ_MODELS if name in {"all", read_model.name}]
    if not found:
        names = ", ".join(read_model.name for read_model in READ_MODELS)
        raise Fault(f"There is no read model {name}; it is one of {names}, or all.", ExitStatus.FILE)
    return found


async def _rebuild(settings: Settings, read_models: Sequence[ReadModel[Any]]) -> None:
    async with open_installation(settings, cached_events=IMPORT_CACHE) as installation:
        with _bar(f"Building {_tables(read_models)}") as report:
            async with (
                building_alone(installation.database) as connection,
                await installation.database.connect() as reading,
            ):
                await build(connection, installation.log, read_models, reading=reading, report=report)
    typer.echo(f"{_tables(read_models)}: built from event one, and live. What was live before is kept until --drop.")


async def _check(settings: Settings, read_models: Sequence[ReadModel[Any]]) -> int:
    count = 0
    async with open_installation(settings, cached_events=IMPORT_CACHE) as installation:
        for read_model in read_models:
            with _bar(f"Checking {read_model.table}") as report:
                async with building_alone(installation.database) as connection:
                    found = differences(connection, installation.log, read_model, report=report)
                    async for one in found:
                        count += 1
                        typer.echo(f"{one.table} {one.id}: {one.reason or ', '.join(one.columns)}")
    typer.echo(f"{_tables(read_models)}: {f'{count:,} rows differ' if count else 'every row follows from the record'}.")
    return count


async def _drop(settings: Settings, read_models: Sequence[ReadModel[Any]]) -> None:
    async with open_installation(settings) as installation, building_alone(installation.database):
        dropped = await drop_kept(installation.database, read_models)
    typer.echo(f"Dropped: {', '.join(dropped)}." if dropped else "There is nothing to drop.")


def _tables(read_models: Iterable[ReadModel[Any]]) -> str:
    return ", ".join(read_model.table for read_model in read_models)


@readmodel.command("list", epilog="Example: sijil readmodel list")
def readmodel_list() -> None:
    """Say how far the read models are, and what is kept back."""
    _run(_readmodel_list(_settings()))


async def _readmodel_list(settings: Settings) -> None:
    async with open_installation(settings) as installation, installation.database.pool.connection() as connection:
        for one in await states(connection, READ_MODELS, now=installation.now()):
            typer.echo(f"{one.table:14}  {one.state:11}  position {one.position:,}, {one.lag_events:,} events behind")
            for aside in one.set_aside:
                typer.echo(f"  set aside since {aside.since:%Y-%m-%d %H:%M} UTC: {_kept_back(aside)}")
            for left_out in one.skipped:
                typer.echo(
                    f"  left out at position {left_out.position} by {left_out.operator}, "
                    f"{left_out.at:%Y-%m-%d %H:%M} UTC: {left_out.reason} ({left_out.fault})"
                )


def _kept_back(one: SetAside) -> str:
    return f"stream {one.stream} from position {one.position}: {one.reason}"


@readmodel.command("retry", epilog="Example: sijil readmodel retry")
def readmodel_retry() -> None:
    """Try what is set aside again. Exit status 1 if some of it stays so."""
    _say_what_stays(_run(_retry(_settings())))


async def _retry(settings: Settings) -> tuple[int, list[SetAside]]:
    async with open_installation(settings) as installation:
        return await retry(installation.database, installation.log, READ_MODELS)


@readmodel.command("skip", epilog="Example: sijil readmodel skip --position 4711 --reason 'a test case'")
def readmodel_skip(
    position: Annotated[int, typer.Option(help="The event to leave out, as `sijil readmodel list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept with your name.")],
) -> None:
    """Leave an event that cannot be applied out for ever, and go on with its stream. Exit status 1 as with retry."""
    if not reason.strip():
        raise Fault("Say why: --reason.", ExitStatus.FILE)
    _say_what_stays(_run(_skip(_settings(), position, reason.strip())))


async def _skip(settings: Settings, position: int, reason: str) -> tuple[int, list[SetAside]]:
    async with open_installation(settings) as installation:
        return await skip(
            installation.database, installation.log, READ_MODELS, position, reason=reason, operator=_operator()
        )


def _operator() -> str:
    """Who runs this command, as the machine knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # nobody of that number has a name here
        return str(os.getuid())


def _say_what_stays(done: tuple[int, list[SetAside]]) -> None:
    mended, left = done
    typer.echo(f"{mended:,} streams are current again, {len(left):,} stay set aside.")
    for aside in left:
        typer.echo(f"{aside.table} {_kept_back(aside)}")
    sys.exit(SOME_STAY if left else 0)


@app.command(epilog="Example: sijil outbox --retry")
def outbox(
    retry: Annotated[bool, typer.Option("--retry", help="Try again to send what was given up.")] = False,
) -> None:
    """Count the messages to people, and list those that were given up."""
    _run(_outbox(_settings(), retry=retry))


async def _outbox(settings: Settings, *, retry: bool) -> None:
    async with open_installation(settings) as installation:
        if retry:
            count = await report.retry(installation.database, now=installation.now())
            typer.echo(f"{count:,} given up before are tried again.")
        for one in await report.counts(installation.database):
            typer.echo(f"{one.state:8} {one.channel:6} {one.count:8,}")
        for lost in await report.dead(installation.database):
            typer.echo(
                f"{lost.id}  {lost.created_at:%Y-%m-%d %H:%M} UTC  {lost.kind:16}  {lost.channel:6}"
                f"{lost.tries:3} tries  {lost.fault}"
            )


@app.command(epilog="Example: sijil schema > schema.graphql")
def schema() -> None:
    """Print the GraphQL schema."""
    typer.echo(export(), nl=False)


@app.command("settings", epilog="Example: SIJIL_PORT=9000 sijil settings")
def settings_() -> None:
    """List the settings and their sources."""
    lines = describe(read_settings(os.environ), os.environ)
    names, values = (max(map(len, column)) for column in zip(*((line.name, line.value) for line in lines), strict=True))
    for line in lines:
        typer.echo(f"{line.name:{names}}  {line.value:{values}}  {line.source:11}  {line.description}")


DEMO_ACCOUNTS = """
Demo accounts (invented people):
  noura   citizen, employer of rajesh       khalid  passport officer
  rajesh  resident with visas, violations   salman  traffic officer
  yousef  auditor                           maryam  court clerk
  hind    administrator

They sign in with the password Absher#2026 and a code: what is sent to them is on /outbox.
A token without signing in, good for five minutes, in another terminal:
  .venv/bin/sijil token --as rajesh
Officials also send the header Purpose, e.g. Purpose: COUNTER_REQUEST
"""


if __name__ == "__main__":
    main()
