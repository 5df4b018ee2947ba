"""Events as others read them: CloudEvents 1.0 in JSON, and rows of CSV with the same values."""

from typing import Any

import msgspec

from cli.audit.step import Step

COLUMNS = (
    "position",
    "recordedat",
    "time",
    "id",
    "type",
    "subject",
    "streamversion",
    "schemaversion",
    "actorrole",
    "actorsubject",
    "actorchannel",
    "correlationid",
    "causationid",
    "data",
)


def cloud_event(step: Step, source: str) -> dict[str, Any]:
    """The attributes of an event, and its values in `data`; what is null is left out, as CloudEvents has it.

    Names of further attributes are in lower case without separators, and a position is text: it outgrows their integers.
    """
    attributes = {
        "specversion": "1.0",
        "id": step.id,
        "source": source,
        "type": step.type,
        "subject": step.stream,
        "time": step.occurred_at,
        "datacontenttype": "application/json",
        "position": str(step.position),
        "recordedat": step.recorded_at,
        "streamversion": step.version,
        "schemaversion": step.schema_version,
        "actorrole": step.who.role,
        "actorsubject": step.who.subject,
        "actorchannel": step.who.channel,
        "correlationid": step.correlation_id,
        "causationid": step.causation_id,
    }
    return {name: value for name, value in attributes.items() if value is not None} | {"data": step.data}


def line(step: Step, source: str) -> bytes:
    """A line of JSON."""
    return msgspec.json.encode(cloud_event(step, source)) + b"\n"


def row(step: Step, source: str) -> list[str]:
    """The values of COLUMNS; `data` is JSON."""
    event = cloud_event(step, source)
    event["data"] = msgspec.json.encode(step.data).decode()
    return [str(event.get(name, "")) for name in COLUMNS]
