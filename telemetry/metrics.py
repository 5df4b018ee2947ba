"""Metrics for Prometheus, at /metrics on a port of their own."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from socket import socket

import uvicorn
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation, get_meter, set_meter_provider
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from telemetry.call import record_durations
from telemetry.spans import resource

logger = logging.getLogger(__name__)

FOUND_WITHIN = 2.0  # seconds: Prometheus gives a process ten

Find = Callable[[], Awaitable[Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class Gauge:
    """A number that is looked for when somebody asks for the metrics."""

    name: str
    unit: str
    description: str


class Metrics:
    """The endpoint. What cannot be found at the moment is left out of the answer."""

    def __init__(self, gauges: Mapping[Gauge, Find]) -> None:
        self._finds = [*dict.fromkeys(gauges.values())]
        self._found: dict[str, float] = {}
        for gauge in gauges:
            self._show(gauge)

    def _show(self, gauge: Gauge) -> None:
        def observe(_options: CallbackOptions) -> list[Observation]:
            return [Observation(self._found[gauge.name])] if gauge.name in self._found else []

        get_meter("sijil").create_observable_gauge(gauge.name, [observe], gauge.unit, gauge.description)

    async def show(self, _request: Request) -> Response:
        """Everything that is measured, in the text format of Prometheus."""
        record_durations()
        self._found.clear()
        for find in self._finds:
            try:
                async with asyncio.timeout(FOUND_WITHIN):
                    self._found.update(await find())
            except Exception as fault:  # noqa: BLE001 (the database is gone, say: just then the rest is wanted)
                logger.debug("a metric is left out: %s", type(fault).__qualname__)
        # Thousands of lines when there are many names of operations: other requests go on meanwhile.
        text = await asyncio.to_thread(generate_latest, REGISTRY)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})


class _Beside(uvicorn.Server):
    """Leaves signals to the server or the loop that it runs beside."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def metrics_served(
    listening: socket, gauges: Mapping[Gauge, Find], environ: Mapping[str, str] = os.environ
) -> AsyncIterator[None]:
    """Measure from now on, and tell whoever asks at /metrics inside the block."""
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False)
    set_meter_provider(
        MeterProvider(
            [reader],
            resource=resource(environ),
            exemplar_filter=AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
        )
    )
    web = Starlette(routes=[Route("/metrics", Metrics(gauges).show)])
    config = uvicorn.Config(
        web, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = _Beside(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]), name="metrics")
    try:
        yield
    finally:
        server.should_exit = True
        await serving
