"""The server: an installation opened from its settings, and the ASGI application on it."""

import asyncio
import logging
import os
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from pathlib import Path
from socket import socket

import psycopg
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

from access.client import Clients
from access.digest import Digests
from access.oauth import OAuth
from access.token import TokenKeys
from commands.account import Accounts
from commands.clock import Clock
from commands.erasure import make_equal
from commands.upkeep import Retention, Upkeep
from domain import formats
from domain.messages import Channel
from messages.email import Mailer, trust
from messages.letter import Gateway
from messages.page import OutboxPage
from messages.sender import Sender
from messages.sms import SmsGateway, Template
from projections import READ_MODELS
from projections.access_log import Reads
from projections.applying import ahead
from projections.build import Builder
from projections.followed import Followed
from projections.follower import Follower
from projections.rewrite import Rewriter
from projections.state import states
from projections.tables import SetAside, create, kept
from projections.updates import Updates
from schema.app import GraphQLApp
from schema.attachment import PATH
from schema.console import Console, labels
from schema.context import Services
from schema.files import Files
from schema.my_data.endpoint import MyData
from schema.person import MY_DATA
from schema.trusted import read_trusted
from settings import Settings
from store.access_month import make_months
from store.announcements import ERASED
from store.blobs import Blobs
from store.change import LogUnavailable
from store.codec import Randomness, RecordDamaged
from store.database import Database, DatabaseUnavailable, open_database
from store.erasure_file import ErasureFile
from store.faults import ExitStatus, Fault, first_line
from store.keyring import Keyring
from store.keys import open_keys
from store.log import Log
from store.migrate import migrate
from store.sweeper import Sweeper
from store.tasks import end
from telemetry.metrics import Gauge, metrics_served
from transparency.kept import Kept
from transparency.key import LogKeyFile
from transparency.lag import Lag, lag
from transparency.record import last_signed
from transparency.signer import LogSigner
from transparency.web import LogWeb

logger = logging.getLogger(__name__)

ASKED = ["Authorization", "Content-Type", "Read-After", "Purpose", "Case-Reference", "traceparent"]
"""Headers that pages of other origins may send beside those that they always may."""

TOLD = ["Content-Language", "Request-Id", "Retry-After", "WWW-Authenticate"]
"""Headers of answers that they may read."""

LEAST_COMPRESSED = 1_000  # bytes: shorter answers fit into a packet anyway

GRAPHIQL = Path(__file__).parent / "web" / "graphiql"
AUDIT = Path(__file__).parent / "web" / "audit"
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
OUTBOX_STYLE = Path(__file__).parent / "web" / "outbox" / "outbox.css"
ANSWERS_WITHIN = 3.0  # seconds: a database that takes longer to say its head is gone
STANDS_STILL_AFTER = 10.0  # seconds in which the read models do not move although the log is ahead
NOT_SIGNED_AFTER = 10.0  # seconds in which no checkpoint is signed although events wait for it


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Installation:
    """An open database with its log and keys."""

    settings: Settings
    database: Database
    keyring: Keyring
    log: Log
    token_keys: TokenKeys
    log_keys: LogKeyFile
    clients: Clients
    accounts: Accounts
    blobs: Blobs
    erasures: ErasureFile
    now: Callable[[], datetime]


@asynccontextmanager
async def open_installation(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    cached_events: int = 50_000,
    erasures_lost: bool = False,
) -> AsyncIterator[Installation]:
    """Start or reach the database, bring it up to date, and open its log and its folder of files.

    Args:
        settings: which database, and where its keys and files are.
        now: the clock.
        cached_events: most events (about 1 kB each) and most people's keys that the log keeps in memory.
        erasures_lost: the file of erasures need not be there, and is not looked at.

    Raises:
        Fault: the database, a folder or a key cannot be used.
    """
    url, secret = settings.database_url, settings.master_key
    async with open_database(
        url.get_secret_value() if url else None, settings.data_dir, pool_size=settings.pool_size
    ) as database:
        await migrate(database)
        await _months_of_access_log(database, now())
        await create(database, READ_MODELS)
        random_bytes = Randomness()
        keys = await open_keys(
            database,
            from_environment=secret.get_secret_value() if secret else None,
            file=settings.master_key_file,
            random_bytes=random_bytes,
        )
        blobs = Blobs(settings.blob_dir)
        token_keys = TokenKeys.load(settings.token_key_file, create=True, issuer=settings.origin)
        log_keys = LogKeyFile(settings.log_key_file, origin=settings.log_origin, make=(now(), os.urandom))
        keyring = Keyring(database, keys, size=cached_events, random_bytes=random_bytes)
        erasures = ErasureFile(settings.erasures_file)
        async with (
            Log(database, keyring, now=now, random_bytes=random_bytes, cached_events=cached_events) as log,
            database.announcements.heard(ERASED, log.forget),
            database.announcements.heard(ERASED, lambda _erased: formats.forget()),
        ):
            if not erasures_lost:
                await make_equal(database, log, erasures, now=now())
            clients = Clients(database, Digests(keys.lookup.access), random_bytes=random_bytes)
            accounts = Accounts.over(database, log, keyring, random_bytes=random_bytes)
            yield Installation(
                settings, database, keyring, log, token_keys, log_keys, clients, accounts, blobs, erasures, now
            )


async def _months_of_access_log(database: Database, now: datetime) -> None:
    """Make the months that begin soon; whatever is in the way, looks are noted all the same, and upkeep tries again."""
    try:
        await make_months(database, now)
    except psycopg.Error as fault:
        logger.warning("the access log's next months are not made yet: %s", first_line(fault))


async def _warn_of_kept(database: Database) -> None:
    async with database.pool.connection() as connection:
        names = await kept(connection, READ_MODELS)
    if names:
        logger.info(
            "%s are kept from before: once no process of an earlier version runs, sijil rebuild all --drop.",
            ", ".join(names),
        )


@asynccontextmanager
async def following(installation: Installation) -> AsyncIterator[tuple[Follower, Followed]]:
    """Keep the read models up with the log inside the block, and build those that are missing."""
    log, database = installation.log, installation.database
    await _warn_of_kept(database)
    follower = Follower(log, database, READ_MODELS)
    builder = Builder(log, database, READ_MODELS, is_following=lambda: follower.health.following)
    async with Followed(database).watch() as followed, background(follower.run), background(builder.run):
        yield follower, followed


@asynccontextmanager
async def signing(installation: Installation) -> AsyncIterator[LogSigner]:
    """Sign checkpoints of the log inside the block."""
    signer = LogSigner(
        installation.database,
        installation.log_keys,
        Kept(installation.settings.checkpoint_file),
        now=installation.now,
    )
    async with background(signer.run):
        yield signer


@asynccontextmanager
async def telling(installation: Installation, followed: Followed) -> AsyncIterator[Updates]:
    """Tell listeners inside the block what happens."""
    updates = Updates(installation.log, installation.database, followed)
    async with background(updates.run):
        yield updates


@asynccontextmanager
async def gateways(settings: Settings) -> AsyncIterator[dict[Channel, Gateway]]:
    """Who delivers messages inside the block: in development perhaps nobody, and /outbox shows them.

    Raises:
        Fault: a setting for it is missing or cannot be used; to be asked before anything else is started.
    """
    if missing := settings.missing_for_messages():
        why = "In production people are sent codes" if settings.env == "production" else "Messages cannot be sent"
        raise Fault(f"{why}: set {', '.join(missing)}.", ExitStatus.SETTINGS)
    async with AsyncExitStack() as closing:
        found: dict[Channel, Gateway] = {}
        if settings.smtp_host and settings.smtp_from:
            found[Channel.EMAIL] = _mailer(settings, settings.smtp_host, settings.smtp_from)
        if settings.sms_url and settings.sms_key:
            url, key = settings.sms_url.get_secret_value(), settings.sms_key.get_secret_value()
            sms = SmsGateway(url, key, Template(settings.sms_template))
            closing.push_async_callback(sms.close)
            found[Channel.SMS] = sms
        yield found


def _mailer(settings: Settings, host: str, sender: str) -> Mailer:
    try:
        tls = trust(settings.smtp_ca_file)
    except OSError as fault:
        message = f"SIJIL_SMTP_CA_FILE holds no certificates that can be used: {fault.strerror or fault}."
        raise Fault(message, ExitStatus.SETTINGS) from fault
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
    return Mailer(host, settings.smtp_port, sender=sender, user=settings.smtp_user, password=password, tls=tls)


def sender(installation: Installation, delivering: Mapping[Channel, Gateway]) -> Sender:
    """What sends an installation's messages."""
    return Sender(
        installation.database,
        installation.keyring,
        delivering,
        now=installation.now,
        kept_for=timedelta(days=installation.settings.outbox_days),
        shown=installation.settings.env == "development",
    )


def rewriter(installation: Installation, *, most_bytes: float | None = None) -> Rewriter:
    """What brings an installation's erasures to their end."""
    sweeper = Sweeper(installation.blobs, installation.database, now=installation.now)
    return Rewriter(
        installation.database,
        sweeper,
        installation.erasures,
        READ_MODELS,
        now=installation.now,
        most_bytes=installation.settings.rewrite_bytes if most_bytes is None else most_bytes,
    )


def _retention(settings: Settings) -> Retention:
    return Retention(
        access_log_months=settings.access_log_months,
        sessions=timedelta(days=settings.session_days),
        import_refusals=timedelta(days=settings.import_refusal_days),
    )


@asynccontextmanager
async def working(installation: Installation, delivering: Mapping[Channel, Gateway] | None) -> AsyncIterator[None]:
    """Do inside the block what goes on by itself: what falls due, messages (unless None delivers them), housekeeping."""
    database, accounts, now = installation.database, installation.accounts, installation.now
    runs: list[Callable[[], Coroutine[None, None, None]]] = [
        Clock(installation.log, database, now=now).run,
        Upkeep(database, _retention(installation.settings), now=now).run,
        Sweeper(installation.blobs, database, now=now).run,
        rewriter(installation).run,
        accounts.sessions.run,
        partial(accounts.refusals.run, now),
    ]
    if delivering is not None:
        runs.append(sender(installation, delivering).run)
    async with AsyncExitStack() as beside:
        for run in runs:
            await beside.enter_async_context(background(run))
        yield


@asynccontextmanager
async def measured(installation: Installation, listening: socket | None) -> AsyncIterator[None]:
    """Measure inside the block, for whoever asks on a socket; None: measure nothing."""
    if listening is None:
        yield
        return
    pool = installation.database.pool

    async def behind() -> dict[str, float]:
        async with pool.connection() as connection:
            found = await states(connection, READ_MODELS, now=installation.now())
        return {
            "sijil.follower.lag.events": max(one.lag_events for one in found),
            "sijil.follower.lag": max(one.lag_seconds for one in found),
            "sijil.follower.set_aside": sum(len(one.set_aside) for one in found),
        }

    async def tree() -> dict[str, float]:
        async with pool.connection() as connection:
            signed = await last_signed(connection)
            unsigned = await lag(connection)
        now = installation.now()
        found = {"sijil.log.lag.events": unsigned.events, "sijil.log.lag": unsigned.seconds(now)}
        if signed is None:
            return found
        age = (now - signed.signed_at).total_seconds()
        return found | {"sijil.log.tree.size": signed.size, "sijil.log.checkpoint.age": age}

    async def connections() -> dict[str, float]:
        stats = pool.get_stats()
        used = stats["pool_size"] - stats["pool_available"]
        return {"sijil.pool.used": used, "sijil.pool.waiting": stats["requests_waiting"]}

    since = "Since the first of them was recorded."
    gauges = {
        Gauge("sijil.follower.lag.events", "{event}", "Events that the latest read model has not seen."): behind,
        Gauge("sijil.follower.lag", "s", since): behind,
        Gauge(
            "sijil.follower.set_aside", "{stream}", "Streams whose rows are not current: see sijil readmodel."
        ): behind,
        Gauge("sijil.log.lag.events", "{event}", "Events that are under no checkpoint yet."): tree,
        Gauge("sijil.log.lag", "s", since): tree,
        Gauge("sijil.log.tree.size", "{event}", "Events under the last checkpoint."): tree,
        Gauge(
            "sijil.log.checkpoint.age", "s", "Since the last checkpoint was signed; none is while nothing happens."
        ): tree,
        Gauge("sijil.pool.used", "{connection}", "Database connections of the pool that are in use."): connections,
        Gauge("sijil.pool.waiting", "{request}", "Requests that wait for one of them."): connections,
    }
    async with metrics_served(listening, gauges):
        yield


@asynccontextmanager
async def background(run: Callable[[], Coroutine[None, None, None]]) -> AsyncIterator[None]:
    """Run something beside the block, and end it with the block; a fault that ends it before is logged."""
    named = run.func if isinstance(run, partial) else run
    task = asyncio.create_task(run(), name=named.__qualname__)
    task.add_done_callback(_say_the_fault)
    try:
        yield
    finally:
        await end(task)


def _say_the_fault(task: asyncio.Task[None]) -> None:
    fault = None if task.cancelled() else task.exception()
    if fault is not None:
        logger.critical("%s has ended, start this process again: %s", task.get_name(), told(fault))
        logger.debug("%s", task.get_name(), exc_info=fault)


def told(fault: BaseException) -> str:
    """What a fault may say in a log, on one line: words of our own, but not a value that PostgreSQL or Python quotes."""
    unanswered = isinstance(fault, psycopg.OperationalError) and fault.sqlstate is None  # the server has said nothing
    if unanswered or isinstance(fault, Fault | LogUnavailable | RecordDamaged):
        said = str(fault)
    elif isinstance(fault, psycopg.Error) and not isinstance(fault, psycopg.DataError):
        said = first_line(fault)  # the lines after it quote rows
    else:
        frames = traceback.extract_tb(fault.__traceback__)
        where = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
        said = f"{type(fault).__qualname__}{where}"
    return " ".join(said.split()) or type(fault).__qualname__


def application(
    installation: Installation,
    follower: Follower,
    followed: Followed,
    updates: Updates,
    signer: LogSigner,
    *,
    ready_from: int = 0,
) -> Starlette:
    """The routes of one running server, which is ready as soon as the read models have seen a position.

    The `run_beside` of `state.graphql` belongs beside it.
    """
    settings = installation.settings
    services = Services(
        pool=installation.database.pool,
        announcements=installation.database.announcements,
        accounts=installation.accounts,
        followed=followed,
        token_keys=installation.token_keys,
        access_token_seconds=settings.access_token_seconds,
        blobs=installation.blobs,
        erasures=installation.erasures,
        updates=updates,
        reads=Reads(installation.database, now=installation.now),
        has_stopped=lambda: follower.health.reason is not None,
    )
    graphql = GraphQLApp(
        services=services,
        is_active=installation.clients.is_active,
        now=installation.now,
        max_body_bytes=settings.max_body_bytes,
        graphiql=GRAPHIQL / "index.html",
        trusted=read_trusted(settings.trusted_documents) if settings.trusted_documents else {},
        trusted_only=settings.trusted_only,
        explorable=settings.explorable,
        most_points=settings.points,
        origins=settings.origins,
        takes_get=settings.get_queries,
    )
    oauth = OAuth(
        installation.clients,
        installation.token_keys,
        installation.accounts.attempts,
        now=installation.now,
        seconds=installation.settings.access_token_seconds,
    )
    files = Files(services, now=installation.now)
    health = Health(installation, follower, followed, signer, ready_from=ready_from)
    web = Starlette(
        routes=[
            Route("/", lambda _request: RedirectResponse("/graphql")),
            Route("/graphql", GZipMiddleware(graphql, minimum_size=LEAST_COMPRESSED, compresslevel=5)),
            WebSocketRoute("/graphql", graphql),
            Mount("/graphiql", StaticFiles(directory=GRAPHIQL)),
            Route("/audit", lambda _request: RedirectResponse("/audit/")),
            Route("/audit/labels.json", labels),
            Mount("/audit", Console(AUDIT)),
            Route(f"{PATH}{{link}}", files.serve),
            Route(f"{MY_DATA}{{link}}", MyData(services, now=installation.now), methods=["GET"]),
            Route("/oauth/token", oauth.token, methods=["POST"]),
            Route("/.well-known/jwks.json", oauth.public_keys),
            Route("/livez", health.alive),
            Route("/readyz", health.ready),
            *LogWeb(installation.database.pool, installation.log_keys).routes,
            *_for_developers(installation),
        ],
        middleware=_cors(settings.origins),
    )
    web.state.graphql = graphql
    return web


def _cors(origins: frozenset[str]) -> list[Middleware]:
    """Let pages of these origins, if any, send requests and read the answers."""
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=sorted(origins),
            allow_methods=["GET", "POST"],
            allow_headers=ASKED,
            allow_credentials=True,
            expose_headers=TOLD,
            max_age=86_400,
        )
    ]


def _for_developers(installation: Installation) -> list[Route]:
    """What there is in development only, for who works on this machine: everybody's codes are shown."""
    if installation.settings.env != "development" or installation.settings.host not in THIS_MACHINE:
        return []
    page = OutboxPage(installation.database, installation.keyring, now=installation.now, style=OUTBOX_STYLE)

    async def show(request: Request) -> Response:
        if request.url.hostname not in THIS_MACHINE:  # another name for it: a web page that means to read it has one
            return PlainTextResponse("/outbox is for localhost and 127.0.0.1 only.\n", HTTPStatus.MISDIRECTED_REQUEST)
        return await page.show(request)

    return [Route("/outbox", show)]


class Health:
    """Whether this process can answer, whether the read models keep up, and whether the log is signed."""

    def __init__(
        self,
        installation: Installation,
        follower: Follower,
        followed: Followed,
        signer: LogSigner,
        *,
        ready_from: int = 0,
    ) -> None:
        self._installation = installation
        self._follower = follower
        self._followed = followed
        self._signer = signer
        self._ready_from = ready_from
        self._signed = -1, 0.0  # how many events are signed, and since when this process has seen that it is so

    async def alive(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def ready(self, _request: Request) -> JSONResponse:
        """503 with the reason.

        The database is gone, the read models stand still behind the log or are being built, something is set aside, or the
        log may not be signed, or is not.
        """
        position = self._followed.position
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                head, unseen_since = await self._installation.log.head_and_next(position)
                async with self._installation.database.pool.connection() as connection:
                    unsigned = await lag(connection)
        except (psycopg.Error, DatabaseUnavailable, TimeoutError):
            return JSONResponse({"status": "red", "reason": "the database does not answer"}, 503)
        answer = {
            "position": position,
            "head": head,
            "lagEvents": max(0, head - position),
            "unsignedEvents": unsigned.events,
        }
        wrong = self._wrong(position, head, self._still(unseen_since)) or self._not_signed(unsigned)
        return JSONResponse(answer | (wrong or {"status": "ready"}), 503 if wrong else 200)

    def _wrong(self, position: int, head: int, still: float) -> dict[str, object]:
        """What is wrong with the read models; nothing: all is well."""
        red: dict[str, object] = {"status": "red"}
        stopped = self._follower.health
        if stopped.reason is not None:
            return red | {"stoppedAt": stopped.stopped_at, "reason": stopped.reason}
        if reason := self._elsewhere(position, head, still):
            return red | {"reason": reason}
        if aside := self._followed.set_aside:
            return red | {"stoppedAt": aside[0].position, "reason": _told(aside)}
        return {}

    def _elsewhere(self, position: int, head: int, still: float) -> str | None:
        """Why the read models are not where the log is; None: they are, or get there."""
        if self._followed.missing:
            return f"not built from the log yet: {', '.join(self._followed.missing)}"
        if position > head:
            return ahead(position, head)
        if still > STANDS_STILL_AFTER:
            return f"the read models have stood still for {still:.0f} s behind the log"
        if position < self._ready_from:
            return "the read models are still being built"
        return None

    def _not_signed(self, unsigned: Lag) -> dict[str, object]:
        """What is wrong with the signing, here or in the process that signs."""
        reason, waiting = self._signer.health.reason, self._waiting(unsigned)
        if reason is not None:
            return {"status": "red", "reason": f"no checkpoint is signed any more: {reason}"}
        if waiting > NOT_SIGNED_AFTER:
            return {"status": "red", "reason": f"no checkpoint has been signed for {waiting:.0f} s behind the log"}
        return {}

    def _waiting(self, unsigned: Lag) -> float:
        """For how many seconds no checkpoint has been signed although there was something to be signed."""
        at = asyncio.get_running_loop().time()
        if unsigned.signed != self._signed[0]:
            self._signed = unsigned.signed, at
        return min(unsigned.seconds(self._installation.now()), at - self._signed[1])

    def _still(self, unseen_since: datetime | None) -> float:
        """For how many seconds the read models have not moved although there was something to be seen."""
        if unseen_since is None:
            return 0.0
        unseen = (self._installation.now() - unseen_since).total_seconds()
        return min(unseen, asyncio.get_running_loop().time() - self._followed.moved_at)


def _told(aside: Sequence[SetAside]) -> str:
    """What is set aside, by the oldest of it."""
    streams = "a stream is" if len(aside) == 1 else f"{len(aside)} streams are"
    return f"{streams} set aside: cannot apply the event at position {aside[0].position}: {aside[0].reason}"
