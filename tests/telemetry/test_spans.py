import pytest

from telemetry.spans import NoExporter, resource, start_spans


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_no_spans_are_made_unless_the_environment_asks_for_them(environ: dict[str, str]) -> None:
    assert start_spans(environ) is None


def test_an_exporter_that_is_not_there_is_said() -> None:
    with pytest.raises(NoExporter, match=r"^OTEL_TRACES_EXPORTER must be otlp, console or none$"):
        start_spans({"OTEL_TRACES_EXPORTER": "zipkin"})


def test_a_process_is_called_as_its_operator_says() -> None:
    assert resource({}).attributes["service.name"] == "sijil"
    assert resource({"OTEL_SERVICE_NAME": "sijil-riyadh"}).attributes["service.name"] == "sijil-riyadh"
