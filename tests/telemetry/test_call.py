import asyncio
from contextlib import suppress
from uuid import UUID

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from store.database import Database
from telemetry.call import Call, current, handling
from telemetry.count import SOCKETS, UPLOADS
from tests.telemetry.conftest import Measured

ID = UUID("11111111-1111-4111-8111-111111111111")
DURATION = "sijil.request.duration"


def test_a_call_is_the_current_one_inside_its_block_and_in_what_begins_there() -> None:
    async def found() -> Call | None:
        return current()

    async def begun() -> None:
        with handling(Call(ID)) as call:
            assert await asyncio.create_task(found()) is call
        assert await asyncio.create_task(found()) is None

    asyncio.run(begun())


def test_an_answered_call_is_measured_and_has_one_span(measured: Measured, spans: InMemorySpanExporter) -> None:
    with handling(Call(ID)) as call:
        call.kind, call.operation, call.statements, call.answered = "query", "Answered", 3, True
    assert measured.counts(DURATION)["query", "Answered", "OK"] == 1
    (span,) = spans.get_finished_spans()
    assert (span.name, span.kind, span.parent, span.status.status_code) == (
        "query Answered",
        SpanKind.SERVER,
        None,
        StatusCode.UNSET,
    )
    assert dict(span.attributes or {}) == {
        "graphql.operation.name": "Answered",
        "graphql.operation.type": "query",
        "sijil.correlation_id": str(ID),
        "sijil.statements": 3,
        "sijil.outcome": "OK",
    }


def test_a_span_has_the_codes_of_a_refusal_and_metrics_one_word(
    measured: Measured, spans: InMemorySpanExporter
) -> None:
    with handling(Call(ID, "mutation", "Refused", problems=["CONFLICT", "NOT_FOUND"], answered=True)):
        pass
    (span,) = spans.get_finished_spans()
    assert (span.attributes or {})["sijil.codes"] == ("CONFLICT", "NOT_FOUND")
    assert measured.counts(DURATION)["mutation", "Refused", "REFUSED"] == 1


def test_a_fault_of_ours_is_the_outcome_whatever_else_was_wrong(spans: InMemorySpanExporter) -> None:
    with handling(Call(ID, "query", "Failed", errors=["FORBIDDEN", "INTERNAL"], answered=True)) as call:
        assert call.outcome == "INTERNAL"
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is StatusCode.ERROR


def test_what_is_not_answered_is_not_measured(measured: Measured, spans: InMemorySpanExporter) -> None:
    with handling(Call(ID, "query", "Unanswered")):
        pass
    assert [labels for labels in measured.counts(DURATION) if "Unanswered" in labels] == []
    assert spans.get_finished_spans() == ()


async def test_statements_are_counted_for_the_call_that_sends_them(database: Database) -> None:
    async def read() -> None:
        async with database.pool.connection() as connection:
            await connection.execute("SELECT 1")
            await connection.cursor().execute("SELECT 2")

    with handling(Call(ID)) as call, handling(Call(ID)) as other:
        await read()
        with handling(call):
            await asyncio.gather(read(), read())
    await read()
    assert (call.statements, other.statements) == (4, 2)


def test_what_is_open_is_counted_also_when_it_fails(measured: Measured) -> None:
    def values() -> list[int]:
        return [
            point.value for name in ("sijil.sockets.open", "sijil.uploads.receiving") for point in measured.points(name)
        ]

    with suppress(ZeroDivisionError), SOCKETS.one(), SOCKETS.one(), UPLOADS.one():
        assert values() == [2, 1]
        1 / 0  # noqa: B018 (it fails)
    assert values() == [0, 0]
