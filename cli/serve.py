"""`sijil run`, `serve` and `work`: what goes on until it is stopped."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from math import inf
from typing import Annotated

import typer
import uvicorn

from cli.feed import import_demo, warn_of_unfinished
from cli.listening import QUEUED, Announcement, Server, listen, observed
from cli.program import PROGRAM, carry_out, current_settings, stop_if_told
from duties import background, following, gateways, measured, signing, telling, working
from installation import Installation, open_installation
from projections import READ_MODELS
from projections.erasing import are_shown
from server import application
from settings import Settings
from store.faults import ExitStatus, Fault
from workers import Workers

SERVE_WITHIN = 30.0  # seconds that a server waits for its read models before it answers; then /readyz tells
SERVE_WHEN_STILL = 5.0  # seconds: they do not move, the server answers nevertheless
ERASED_ARE_SHOWN = (
    "Nothing is served: the read models do not follow the log, and still show people who are erased. What is wrong is above; "
    "`sijil rebuild all` makes them anew."
)
LOOK_AGAIN_AFTER = 0.5  # seconds: whether the follower still follows
app = typer.Typer()


@app.command(epilog="Example: sijil run")
def run() -> None:
    """Serve, with the demo feed."""
    _serve(current_settings(), demo=True)


@app.command(epilog="Example: sijil serve --port 8080")
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default SIJIL_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; 0: any; default SIJIL_PORT.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes to serve in; not set: in this one.")] = None,
    worker: Annotated[int, typer.Option(min=1, hidden=True)] = 1,
    shared: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve GraphQL."""
    settings = current_settings(host=host, port=port)
    if shared is not None:
        _serve_as_worker(settings, worker, socket.socket(fileno=shared))
    elif workers is not None:
        _serve_by_workers(settings, workers)
    else:
        _serve(settings, demo=False)


def _serve(settings: Settings, *, demo: bool) -> None:
    demo = demo and settings.env == "development"
    # Before anything is started that would have to be stopped again.
    with listen(settings.host, settings.port) as listening, observed(settings) as asked:
        carry_out(
            _serve_on(
                listening,
                settings,
                asked,
                Announcement(listening, demo=demo, explorable=settings.explorable).say,
                demo=demo,
            )
        )


def _serve_as_worker(settings: Settings, number: int, listening: socket.socket) -> None:
    with listening, observed(settings, worker=number) as asked:
        carry_out(_serve_on(listening, settings, asked, lambda: print("answers", flush=True), while_stdin_is_open=True))  # noqa: T201


def _serve_by_workers(settings: Settings, count: int) -> None:
    with listen(settings.host, settings.port) as listening:
        carry_out(_keep_workers(settings, listening, count))


async def _keep_workers(settings: Settings, listening: socket.socket, count: int) -> None:
    """Do once what workers need not do each: what is wrong shows here, and the embedded database is there for all."""
    shared = listening.fileno()

    def program(number: int) -> list[str]:
        options = ["--host", settings.host, "--worker", str(number), "--shared", str(shared)]
        return [*PROGRAM, "serve", *options]

    async with gateways(settings), open_installation(settings) as installation:
        await warn_of_unfinished(installation)
        stop_if_told()
        await Workers(
            program, count, shared=shared, started=Announcement(listening, explorable=settings.explorable).say
        ).run()


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
        signing(installation) as signer,
    ):
        if demo:
            await import_demo(installation)
        elif not while_stdin_is_open:
            await warn_of_unfinished(installation)
        head = await installation.log.head()
        web = application(installation, follower, followed, updates, signer, ready_from=head)
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
        async with working(installation, delivering), background(web.state.graphql.run_beside):
            erased_are_shown = await _erased_are_shown(installation, head)
            await followed.catch_up(
                head,
                still=SERVE_WHEN_STILL,
                within=inf if erased_are_shown else SERVE_WITHIN,
                stopped=lambda: follower.health.reason is not None,
            )
            stop_if_told()
            if erased_are_shown and await _erased_are_shown(installation, head):
                raise Fault(ERASED_ARE_SHOWN, ExitStatus.DATABASE)
            await Server(config, started).serve(sockets=[listening])


async def _erased_are_shown(installation: Installation, head: int) -> bool:
    async with installation.database.pool.connection() as connection:
        return await are_shown(connection, READ_MODELS, until=head)


def _end_with_stdin() -> None:
    """Have this process told to end when its standard input does; nobody writes there."""
    loop = asyncio.get_running_loop()

    def ended() -> None:
        loop.remove_reader(sys.stdin.fileno())
        if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:  # else it ends already
            signal.raise_signal(signal.SIGTERM)

    loop.add_reader(sys.stdin.fileno(), ended)


@app.command(epilog="Example: sijil work")
def work(
    while_stdin_is_open: Annotated[bool, typer.Option("--while-stdin-is-open", hidden=True)] = False,
) -> None:
    """Follow the log, without serving."""
    settings = current_settings()
    if while_stdin_is_open:  # beside an import, and perhaps beside a server, which has the port
        settings = settings.model_copy(update={"metrics_port": None})
    with observed(settings) as asked:
        carry_out(_work(settings, asked, while_stdin_is_open=while_stdin_is_open))


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
        if delivering is not None:  # beside an import a server signs, or the next one to start does
            await beside.enter_async_context(signing(installation))
            await warn_of_unfinished(installation)
        if ended.is_set():  # an import that could not begin
            return
        async with working(installation, delivering):
            stop_if_told()
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
