"""What the codec knows about an event class: its fields, which of them are personal, and how each is read from JSON."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from functools import lru_cache
from typing import Any, get_type_hints

import msgspec
from eventsourcing.domain import AggregateEvent
from eventsourcing.utils import get_topic, resolve_topic
from msgspec import Raw
from msgspec.json import Decoder

from domain.personal import personal_fields


class Part:
    """Some fields of an event class: their names, and how they are read."""

    def __init__(self, event_class: type, names: tuple[str, ...]) -> None:
        hints = get_type_hints(event_class)
        self.names = names
        # Fields without a default come first in a struct.
        declared = sorted(
            ((field, hints[field.name]) for field in fields(event_class) if field.name in names),
            key=lambda declaration: _default(declaration[0]) is not msgspec.NODEFAULT,
        )
        self.struct = msgspec.defstruct(
            event_class.__name__, [(field.name, hint, _default(field)) for field, hint in declared]
        )
        self._decoder = Decoder(self.struct)

    def read(self, json: Raw) -> dict[str, Any]:
        return msgspec.structs.asdict(self._decoder.decode(json))

    def convert(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return msgspec.structs.asdict(msgspec.convert(values, self.struct))


def _default(field: Any) -> Any:  # noqa: ANN401 (dataclasses.Field of anything)
    if field.default_factory is not MISSING:
        return msgspec.field(default_factory=field.default_factory)
    return msgspec.NODEFAULT if field.default is MISSING else field.default


class Shape:
    """What the codec knows about an event class."""

    def __init__(self, event_class: type[AggregateEvent]) -> None:
        personal = personal_fields(event_class)
        outside = {"originator_id", "originator_version", "timestamp", *personal}
        plain = tuple(field.name for field in fields(event_class) if field.name not in outside)
        self.event_class = event_class
        self.topic = get_topic(event_class)
        self.version: int = getattr(event_class, "class_version", 1)
        self.about: str = getattr(event_class, "about", "originator_id")
        self.plain = Part(event_class, plain)
        self.personal = Part(event_class, personal)
        self.erased = dict.fromkeys(personal)

    def upcast(self, schema_version: int, data: Raw, values: Raw | None) -> dict[str, Any]:
        """Bring JSON values of an older version of the class to the present one, by its upcast_vN_vM methods."""
        found: dict[str, Any] = msgspec.json.decode(data) | (msgspec.json.decode(values) if values else {})
        for version in range(schema_version, self.version):
            getattr(self.event_class, f"upcast_v{version}_v{version + 1}")(found)
        personal = self.personal.convert(found) if values else self.erased
        return self.plain.convert(found) | personal


_shapes: dict[type[Any], Shape] = {}


def shape_of(event_class: type[Any]) -> Shape:
    if event_class not in _shapes:
        _shapes[event_class] = Shape(event_class)
    return _shapes[event_class]


@lru_cache(maxsize=1024)
def shape_of_topic(topic: str) -> Shape:
    return shape_of(resolve_topic(topic))
