"""What the commands have in common: their settings, how they run, and the bar that shows how it goes."""

import asyncio
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from settings import Settings, read_settings
from telemetry.logs import start_logging

PROGRAM = (sys.executable, "-P", "-m", "cli")  # itself once more; -P: whatever the folder is that it is called in
IMPORT_CACHE = 500_000  # events: a case comes back when it falls due, a month and more after it was recorded
T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)


def one_of(kind: type[E]) -> Callable[[str], E]:
    """Reads an option that is one of some words, and says which these are: typer would say it in pydantic's words."""

    def read(typed: str) -> E:
        try:
            return kind(typed)
        except ValueError:
            raise typer.BadParameter(f"it is {' or '.join(kind)}, not {typed}.") from None

    return read


def collect_less() -> None:
    """Let the garbage collector run less: what is there now stays, and events come by the thousand, a third faster so.

    Not much less: 50,000 objects of GraphQL's garbage at once would stop everybody for 80 ms.
    """
    gc.freeze()
    gc.set_threshold(5000, 20, 50)


def current_settings(**given: object) -> Settings:
    settings = read_settings(os.environ)
    start_logging(settings.log_level, settings.log_format)
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


def carry_out(work: Coroutine[None, None, T]) -> T:
    """Run to the end, or until SIGINT, SIGTERM or SIGHUP: what is open is closed either way."""

    async def stoppable() -> T:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        return await task

    return asyncio.run(stoppable())


def stop_if_told() -> None:
    """Stop here if told to before: wait_for of Python 3.11, in psycopg, loses a cancellation that comes with its answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


@contextmanager
def bar(description: str, *, of: str = "events") -> Iterator[Callable[[float, int], None]]:
    """A bar on stderr; told how much is done, from 0 to 1, and how many (events) that took since the last time."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[count]:,}} {of}, {{task.fields[rate]:,.0f}} {of}/s"),
        TimeRemainingColumn(),
    )
    begun = time.monotonic()
    count = 0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(description, total=1.0, count=0, rate=0.0)

        def report(done: float, more: int) -> None:
            nonlocal count
            count += more
            progress.update(bar, completed=done, count=count, rate=count / (time.monotonic() - begun))

        yield report
