"""What a server listens on, and what it says when it answers."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

import typer
import uvicorn

from settings import Settings
from store.faults import ExitStatus, Fault
from telemetry.spans import NoExporter, start_spans

logger = logging.getLogger(__name__)

NOT_READ_WITHIN = 60_000  # milliseconds
QUEUED = 2_048  # connections that wait to be taken
DEMO_ACCOUNTS = """
Demo accounts (invented people):
  noura   citizen, employer of rajesh       khalid  passport officer
  rajesh  resident with visas, violations   salman  traffic officer
  yousef  auditor                           maryam  court clerk
  hind    administrator
  maria   works for noura: no visas         joseph  works for noura: outside on a visa

They sign in with the password Absher#2026 and a code: what is sent to them is on /outbox.
A token without signing in, good for five minutes, in another terminal:
  .venv/bin/sijil token --as rajesh
Officials also send the header Purpose, e.g. Purpose: COUNTER_REQUEST
"""


@contextmanager
def observed(settings: Settings, *, worker: int = 1) -> Iterator[socket.socket | None]:
    """Make spans inside the block, if that is asked for; and a socket to be asked for metrics on, else None."""
    port = settings.metrics_port and settings.metrics_port + worker - 1  # 0: any free one
    try:
        spans = start_spans()
    except NoExporter as fault:
        raise Fault(f"{str(fault)[0].upper()}{str(fault)[1:]}.", ExitStatus.SETTINGS) from fault
    listening = nullcontext() if port is None else listen(settings.metrics_host, port, "METRICS")
    try:
        with listening as asked:
            if asked is not None:
                logger.info("metrics are on http://%s:%d/metrics", *asked.getsockname()[:2])
            yield asked
    finally:
        if spans is not None:
            spans.shutdown()


def listen(host: str, port: int, purpose: str = "") -> socket.socket:
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
    # Who reads nothing of what is sent is not waited for: nor does it end the waiting of who sends.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, NOT_READ_WITHIN)
    return listening


class Announcement:
    """Where a server is to be found."""

    def __init__(self, listening: socket.socket, *, demo: bool = False, explorable: bool = True) -> None:
        host, port = listening.getsockname()[:2]
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._demo = demo
        self._explorable = explorable

    def say(self) -> None:
        page = "; in a browser that is GraphiQL" if self._explorable else ""
        typer.echo(f"\nSijil serves GraphQL on {self._address}/graphql{page}.")
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
