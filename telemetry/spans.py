"""Spans: sent to a collector if OpenTelemetry's own environment variables name one, else not made at all."""

import os
import sys
from collections.abc import Mapping
from importlib import import_module

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
from opentelemetry.trace import set_tracer_provider

COLLECTOR = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
OTLP = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


class NoExporter(Exception):
    """The environment asks for spans in a way that this program has not."""


def resource(environ: Mapping[str, str]) -> Resource:
    """What the process is called: as the environment says, else sijil."""
    return Resource.create({"service.name": environ.get("OTEL_SERVICE_NAME") or "sijil"})


def start_spans(environ: Mapping[str, str] = os.environ) -> TracerProvider | None:
    """Make spans from now on, if that is asked for; None: it is not.

    OTEL_TRACES_EXPORTER is otlp, console or none. When it is not set, spans are sent if there is a collector to send them
    to. Where to, how often and how many: the SDK and the exporter read their variables themselves.

    Raises:
        NoExporter: there is no such exporter.
    """
    wanted = environ.get("OTEL_TRACES_EXPORTER") or ("otlp" if any(map(environ.get, COLLECTOR)) else "none")
    if wanted == "none" or environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    provider = TracerProvider(resource=resource(environ), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(_exporter(wanted)))
    set_tracer_provider(provider)
    return provider


def _exporter(wanted: str) -> SpanExporter:
    match wanted:
        case "console":
            return ConsoleSpanExporter(out=sys.stderr)
        case "otlp":
            try:
                made: SpanExporter = import_module(OTLP).OTLPSpanExporter()
            except ImportError:
                raise NoExporter("spans can be sent only with the package sijil[otlp]") from None
            return made
        case _:
            raise NoExporter("OTEL_TRACES_EXPORTER must be otlp, console or none")
