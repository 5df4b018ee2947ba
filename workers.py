"""Several processes that serve one port: started together, replaced when they die, ended together.

A worker serves for as long as its standard input is open, so it ends with this process however that ends. Once it answers
it says so with a line on its standard output.
"""

import asyncio
import logging
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from store.faults import ExitStatus, Fault

logger = logging.getLogger(__name__)

END_WITHIN = 30.0  # seconds: answers under way, messages under way and the log's writer have less
FIRST_PAUSE = 0.2  # seconds until a worker is replaced; twice as long each time that the new one does not get to answer
LONGEST_PAUSE = 10.0
TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Program = Callable[[int], Sequence[str]]
"""What to run as a worker of a number."""


class Workers:
    """The workers 1 to `count`. They inherit `shared`, the descriptor of the socket that all of them listen on."""

    def __init__(self, program: Program, count: int, *, shared: int, started: Callable[[], None]) -> None:
        """Prepare them.

        Args:
            program: what to run.
            count: how many.
            shared: the descriptor.
            started: called once, when all of them answer.
        """
        self._program = program
        self._shared = shared
        self._started = started
        self._never_answered = set(range(1, count + 1))

    async def run(self) -> None:
        """Keep them running until told to end.

        Raises:
            Fault: one of them has ended before it ever answered: what is wrong with it, it has said itself.
        """
        told = asyncio.Event()
        with _signals(told.set):
            keeping = [asyncio.create_task(self._keep(number)) for number in self._never_answered]
            waiting = asyncio.create_task(told.wait())
            try:
                done, _ = await asyncio.wait([waiting, *keeping], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (waiting, *keeping):
                    task.cancel()
                await asyncio.gather(waiting, *keeping, return_exceptions=True)
        for task in done - {waiting}:
            task.result()

    async def _keep(self, number: int) -> None:
        pause = FIRST_PAUSE
        while True:
            process = await asyncio.create_subprocess_exec(
                *self._program(number),
                stdin=PIPE,
                stdout=PIPE,
                pass_fds=[self._shared],
                start_new_session=True,  # the terminal's Ctrl-C is for this process, which ends them in good order
            )
            try:
                answers = await _first_line(process)
                if answers:
                    pause = FIRST_PAUSE
                    self._note_answering(number)
                status = await process.wait()
            finally:
                await _end(process)
            if number in self._never_answered:
                raise Fault(f"Worker {number} has not started.", status if status > 0 else ExitStatus.PROGRAM)
            logger.error("worker %d (process %d) has ended with %d and is replaced", number, process.pid, status)
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _note_answering(self, number: int) -> None:
        if number in self._never_answered:
            self._never_answered.remove(number)
            if not self._never_answered:
                self._started()


async def _first_line(process: Process) -> bytes:
    return await process.stdout.readline() if process.stdout else b""


async def _end(process: Process) -> None:
    """Let a worker end, which may have ended."""
    if process.returncode is not None:
        return
    if process.stdin:
        process.stdin.close()
    try:
        async with asyncio.timeout(END_WITHIN):
            await process.wait()
    except TimeoutError:
        logger.error("process %d does not end: it is killed", process.pid)  # noqa: TRY400 (there is no more to say)
        process.kill()
        await process.wait()


@contextmanager
def _signals(told: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in TO_END:
        loop.add_signal_handler(number, told)
    try:
        yield
    finally:
        for number in TO_END:
            loop.remove_signal_handler(number)
