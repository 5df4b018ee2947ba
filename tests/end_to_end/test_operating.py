"""What an operator sees of a server: its metrics, its spans, its log."""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.end_to_end.conftest import Serving, Sijil
from tests.feeds import PEOPLE, RAJESH, WriteFeed


class Collector(ThreadingHTTPServer):
    """Takes spans by OTLP."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        super().__init__(("127.0.0.1", 0), Taking)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Taking(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.spans += [
            span for resource in sent.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.05,))
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


def attributes(span: Span) -> dict[str, str | int]:
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


def test_an_operation_is_measured_has_a_span_and_one_id(
    serve: Callable[..., Serving], sijil: Sijil, write_feed: WriteFeed, collector: Collector
) -> None:
    assert sijil("import", write_feed(*PEOPLE), "--backdate").returncode == 0
    token = sijil("token", "--as", RAJESH).stdout.strip()
    watched = {"SIJIL_METRICS_PORT": "0", "SIJIL_LOG_FORMAT": "json", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    serving = serve("serve", **watched)
    url = serving.until_ready()
    found = re.search(r"metrics are on (http://127\.0\.0\.1:\d+/metrics)", serving.printed)
    assert found

    body = {"query": "query Mine { me { username } }", "variables": {}}
    answer = httpx.post(f"{url}/graphql", json=body, headers={"Authorization": f"Bearer {token}"})
    assert answer.json()["data"] == {"me": {"username": "rajesh"}}

    metrics = httpx.get(found[1]).text
    labels = '{kind="query",operation="Mine",outcome="OK"}'
    for line in (
        f"sijil_request_duration_seconds_count{labels} 1.0",
        "sijil_follower_lag_events 0.0",
        "sijil_follower_lag_seconds 0.0",
        "sijil_sockets_open 0.0",
        "sijil_uploads_receiving 0.0",
        "sijil_pool_waiting 0.0",
    ):
        assert line in metrics.splitlines()
    assert re.search(r"^sijil_pool_used \d", metrics, re.MULTILINE)
    for personal in (RAJESH, "rajesh", token):
        assert personal not in metrics
    assert httpx.get(f"{url}/metrics").status_code == 404  # what the world sees

    begun = time.monotonic()
    assert serving.stop() == 0
    assert time.monotonic() - begun < 15
    (span,) = collector.spans
    assert (span.name, attributes(span)) == (
        "query Mine",
        {
            "graphql.operation.name": "Mine",
            "graphql.operation.type": "query",
            "sijil.correlation_id": answer.headers["request-id"],
            "sijil.statements": 1,
            "sijil.outcome": "OK",
        },
    )
    logged = [json.loads(line) for line in serving.printed.splitlines() if line.startswith("{")]
    assert {"time", "level", "logger", "message", "process"} == set(logged[0])
    others = [line for line in serving.printed.splitlines() if line and not line.startswith("{")]
    assert others[0] == f"Sijil serves GraphQL on {url}/graphql; in a browser that is GraphiQL."


def test_a_collector_that_is_gone_holds_nothing_up(serve: Callable[..., Serving]) -> None:
    serving = serve("serve", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    url = serving.until_ready()
    body = {"query": "{ services { code } }"}
    assert httpx.post(f"{url}/graphql", json=body, timeout=5).status_code == 200
    begun = time.monotonic()
    assert serving.stop() == 0
    assert time.monotonic() - begun < 15


def test_a_way_to_send_spans_that_is_not_there_is_one_line(sijil: Sijil) -> None:
    done = sijil("serve", SIJIL_PORT="0", OTEL_TRACES_EXPORTER="zipkin")
    assert (done.returncode, done.stderr) == (78, "sijil: OTEL_TRACES_EXPORTER must be otlp, console or none.\n")
