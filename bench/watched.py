"""How much of a request's CPU time goes into its being watched.

    python -m bench.watched

The README's first query, `me` with three visas, asked inside this process, in batches of 20 in random order: `unwatched`
(as if calls were not noted at all; twice, to show how far chance goes), `off` (as it is when nobody asks for metrics or
spans), `metrics`, and `spans` (both, each span encoded for a collector and thrown away). Prints the CPU time of a request
with its client, of all threads: the median of the batches, and their lowest tenth, which the rest of the machine disturbed
least.

With DATABASE_URL in a new database on that server, which is dropped at the end; else on an embedded one.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from unittest import mock

import httpx
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from rich.console import Console
from rich.table import Table

from access.client import Clients
from access.digest import Digests
from access.token import TokenKeys
from bench.append import new_database
from bench.serve import QUERY
from bench.served import UNLIMITED
from bench.visas import Size, fill, open_log, person, standing_still
from cli.program import collect_less
from commands.account import Accounts
from schema.app import GraphQLApp
from store.database import open_database
from store.keyring import Keyring
from store.keys import Keys
from store.migrate import migrate
from telemetry.call import Call

AT_ONCE = 20
UNWATCHED = "unwatched"
SIZE = Size(visas=2_000, due=0)


class Encoded(SpanExporter):
    """Encodes spans, and throws them away."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        encode_spans(spans).SerializeToString()
        return SpanExportResult.SUCCESS


@contextmanager
def unnoted(call: Call) -> Iterator[Call]:
    yield call


def ways() -> dict[str, dict[str, object]]:
    """What to put in the place of what, for each way."""
    meters = MeterProvider([PrometheusMetricReader()], exemplar_filter=AlwaysOffExemplarFilter())
    duration = meters.get_meter("sijil").create_histogram("sijil.request.duration", unit="s")
    tracers = TracerProvider()
    tracers.add_span_processor(BatchSpanProcessor(Encoded()))
    metrics = {"telemetry.call._duration": duration}
    return {
        UNWATCHED: {"schema.app.handling": unnoted},
        "unwatched, again": {"schema.app.handling": unnoted},
        "off": {},
        "metrics": metrics,
        "spans": {**metrics, "telemetry.call._tracer": tracers.get_tracer("sijil")},
    }


async def batch(client: httpx.AsyncClient, headers: dict[str, str]) -> float:
    """CPU time of a request, in microseconds."""
    begun = time.process_time()
    for _ in range(AT_ONCE):
        answer = await client.post("/", json={"query": QUERY}, headers=headers)
        if answer.json()["data"]["me"] is None:
            raise RuntimeError(answer.text)
    return (time.process_time() - begun) / AT_ONCE * 1e6


async def measure(url: str, turns: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        async with open_database(url, Path()) as database:
            await migrate(database)
            await fill(database, SIZE)
            keyring = Keyring(database, Keys.following(bytes(32)))
            keys = TokenKeys.load(Path(folder) / "token.jwk", create=True)
            async with open_log(database, keyring) as log:
                accounts = Accounts.over(database, log, keyring, random_bytes=os.urandom)
                services = standing_still(database, log, accounts, keys, Path(folder))
                clients = Clients(database, Digests(keyring.keys.lookup.access))
                app = GraphQLApp(
                    services=services, is_active=clients.is_active, now=lambda: datetime.now(UTC), most_points=UNLIMITED
                )
                reader = await person(database, SIZE.holder(1))
                async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://sijil") as client:  # type: ignore[arg-type]
                    every = list(ways().items())
                    for turn in range(-2, turns):  # the first two warm up
                        token = keys.issue(reader, now=datetime.now(UTC), seconds=300)
                        for way, instead in random.sample(every, len(every)):
                            with ExitStack() as patched:
                                for name, value in instead.items():
                                    patched.enter_context(mock.patch(name, value))
                                took = await batch(client, {"Authorization": f"Bearer {token}"})
                            if turn >= 0:
                                found.setdefault(way, []).append(took)
    return found


def tenth(taken: list[float]) -> float:
    return quantiles(taken, n=10)[0]


def compared(taken: float, usual: float) -> tuple[str, str]:
    return f"{taken:,.0f}", f"{taken - usual:,.0f} µs, {taken / usual - 1:.1%}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=300)
    turns = parser.parse_args().turns
    collect_less()
    with new_database() as url:
        found = asyncio.run(measure(url, turns))
    shown = Table(
        "a request that is", "CPU µs, median", "more than unwatched", "least disturbed tenth", "more than unwatched"
    )
    for way, taken in found.items():
        shown.add_row(
            way, *compared(median(taken), median(found[UNWATCHED])), *compared(tenth(taken), tenth(found[UNWATCHED]))
        )
    Console(file=sys.stdout, width=120).print(shown)


if __name__ == "__main__":
    main()
