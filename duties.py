"""What goes on by itself in a process: following, signing, sending, what falls due, housekeeping, measuring."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from socket import socket

import psycopg

from commands.clock import Clock
from commands.upkeep import Retention, Upkeep
from domain.messages import Channel
from installation import Installation
from messages.email import Mailer, trust
from messages.letter import Gateway
from messages.sender import Sender
from messages.sms import SmsGateway, Template
from projections import READ_MODELS
from projections.build import Builder
from projections.followed import Followed
from projections.follower import Follower
from projections.rewrite import Rewriter
from projections.state import states
from projections.tables import kept
from projections.updates import Updates
from settings import Settings
from store.change import LogUnavailable
from store.codec import RecordDamaged
from store.database import Database
from store.faults import ExitStatus, Fault, first_line
from store.sweeper import Sweeper
from store.tasks import end
from telemetry.metrics import Gauge, metrics_served
from transparency.kept import Kept
from transparency.lag import lag
from transparency.record import last_signed
from transparency.signer import LogSigner

logger = logging.getLogger(__name__)


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
