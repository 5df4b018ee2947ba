"""How many times a second the first page of a front end is answered: by one process and by workers, watched and not.

    python -m bench.serve
    python -m bench.serve --ways plain metrics spans --turns 9
    python -m bench.serve --ways plain --beside ../before --turns 9

The query is the README's first one, `me` with three visas, as a person of the demo, over HTTP on the loopback network: each
client of `--clients` keeps a connection and sends its next request when it has an answer. The ways to serve are tried in
turns, each in a server of its own on the same data: `plain` (one process), `workers` (as many as `--workers`), `metrics`
(one process, its metrics read every second), `spans` (the same, and a span of every request sent to a collector that
throws it away). With --beside `plain` is also tried with another checkout, which has a .venv of its own. Prints the
medians: requests in a second, CPU time of the server's processes for each, and how long the clients waited. Clients,
server and database share the machine.
"""

import argparse
import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles

import psutil
from rich.console import Console
from rich.table import Table

from bench.served import ROOT, START_WITHIN, UNLIMITED

QUERY = (
    "query Mine { me { name { en } visas(first: 3) { totalCount edges { node "
    "{ number statusLabel { text } durationDays fee } } } } }"
)
ANSWER = b'"totalCount":3'
WARM_UP = 2.0  # seconds


@dataclass
class Results:
    """What was measured of one way to serve, turn by turn."""

    rates: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)  # ms for a request
    seconds: list[float] = field(default_factory=list)


def program(checkout: Path) -> str:
    return str(checkout / ".venv" / "bin" / "sijil")


@contextmanager
def serving(checkout: Path, folder: Path, environment: dict[str, str], *options: str) -> Iterator[tuple[int, int]]:
    """Serve inside the block; the port and the process."""
    log = folder / "log"
    with log.open("w", encoding="utf-8") as file:
        command = [program(checkout), "serve", "--port", "0", *options]
        process = subprocess.Popen(command, cwd=checkout, env=environment, stdout=file, stderr=file)  # noqa: S603
        try:
            give_up_at = time.monotonic() + START_WITHIN
            while not (found := re.search(r"GraphQL on http://\S+:(\d+)/", log.read_text("utf-8"))):
                if process.poll() is not None or time.monotonic() > give_up_at:
                    raise RuntimeError(log.read_text("utf-8"))
                time.sleep(0.1)
            yield int(found[1]), process.pid
        finally:
            process.terminate()
            process.wait(START_WITHIN)


async def ask(port: int, request: bytes, until: float, seconds: list[float]) -> None:
    """Send a request again and again."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (begun := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1]) if length else 0)
        if ANSWER not in body:
            raise RuntimeError(body.decode())
        seconds.append(time.perf_counter() - begun)
    writer.close()


async def load(port: int, token: str, *, clients: int, seconds: float) -> list[float]:
    body = json.dumps({"query": QUERY}).encode()
    head = (
        "POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nAccept-Language: en\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    answers: list[float] = []
    until = time.perf_counter() + seconds
    await asyncio.gather(*(ask(port, head.encode() + body, until, answers) for _ in range(clients)))
    return answers


def cpu_seconds(pid: int) -> float:
    """Of a process and its workers; not of the database."""
    every = [psutil.Process(pid), *psutil.Process(pid).children()]
    times = [one.cpu_times() for one in every if "python" in one.name() or "sijil" in one.name()]
    return sum(one.user + one.system for one in times)


@asynccontextmanager
async def scraped(port: int | None) -> AsyncIterator[None]:
    """Have the metrics read every second inside the block."""

    async def scrape(port: int) -> None:
        while True:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            if b"sijil_request_duration" not in await reader.read():
                print("no metrics of requests yet", file=sys.stderr)
            writer.close()
            await asyncio.sleep(1)

    task = asyncio.create_task(scrape(port)) if port else None
    try:
        yield
    finally:
        if task:
            task.cancel()


class Collector:
    """Takes spans, and throws them away."""

    def __init__(self) -> None:
        self.posts = 0

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: (\d+)", head)
                await reader.readexactly(int(length[1]) if length else 0)
                self.posts += 1
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()


async def turn(checkout: Path, way: str, folder: Path, given: argparse.Namespace, results: Results) -> None:
    """Serve in a way once, and load the server."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SIJIL_", "OTEL_"))}
    environment |= {
        "SIJIL_DATA_DIR": str(folder / "data"),
        "SIJIL_LOG_LEVEL": "warning",
        "SIJIL_POINTS": str(UNLIMITED),
    }
    collector, scrape_at = Collector(), None
    async with collector.listen() as port:
        if way in {"metrics", "spans"}:
            scrape_at = given.metrics_port
            environment |= {"SIJIL_METRICS_PORT": str(scrape_at)}
        if way == "spans":
            environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
        options = ["--workers", str(given.workers)] if way == "workers" else []
        with serving(checkout, folder, environment, *options) as (served_at, pid):
            made = [program(checkout), "token", "--as", "rajesh"]
            token = subprocess.run(made, env=environment, cwd=checkout, capture_output=True, text=True, check=True)  # noqa: S603, ASYNC221
            await load(served_at, token.stdout.strip(), clients=given.clients, seconds=WARM_UP)
            async with scraped(scrape_at):
                before, begun = cpu_seconds(pid), time.perf_counter()
                answers = await load(served_at, token.stdout.strip(), clients=given.clients, seconds=given.seconds)
                took, cpu = time.perf_counter() - begun, cpu_seconds(pid) - before
            results.rates.append(len(answers) / took)
            results.cpu.append(cpu / len(answers) * 1000)
            results.seconds.extend(answers)
            await asyncio.sleep(0.2)
    if way == "spans" and not collector.posts:
        raise RuntimeError("no spans have come")
    print(checkout.name, way, f"{results.rates[-1]:,.0f}/s {results.cpu[-1]:.3f} ms CPU", flush=True)


def table(found: dict[tuple[Path, str], Results]) -> Table:
    shown = Table("served", "requests/s", "CPU ms each", "p50 ms", "p99 ms")
    for (checkout, way), results in found.items():
        percentiles = quantiles(results.seconds, n=100)
        shown.add_row(
            f"{checkout.name}: {way}",
            f"{median(results.rates):,.0f}",
            f"{median(results.cpu):.3f}",
            *(f"{percentiles[place] * 1000:.1f}" for place in (49, 98)),
        )
    return shown


def measure(beside: Path | None, folder: Path, given: argparse.Namespace) -> Table:
    environment = os.environ | {"SIJIL_DATA_DIR": str(folder / "data")}
    fill = [program(ROOT), "import", "demo/feed.jsonl.gz", "--backdate", "--ending-today"]
    subprocess.run(fill, cwd=ROOT, env=environment, stdout=sys.stderr, stderr=subprocess.DEVNULL, check=True)  # noqa: S603
    found = {(ROOT, way): Results() for way in given.ways}
    if beside is not None:
        found[beside, "plain"] = Results()
    for number in range(given.turns):
        for checkout, way in list(found) if number % 2 else list(found)[::-1]:
            asyncio.run(turn(checkout, way, folder, given, found[checkout, way]))
    return table(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--ways", nargs="+", choices=("plain", "workers", "metrics", "spans"), default=("plain", "workers")
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--metrics-port", type=int, default=19464)
    parser.add_argument("--beside", type=Path, help="another checkout, to compare with")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="sijil-bench-"))
    try:
        beside = given.beside and given.beside.resolve()
        Console(file=sys.stdout, width=120).print(measure(beside, folder, given))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
