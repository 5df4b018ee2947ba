"""Our stored form for the library's own Application, which replays the log with it."""

from datetime import UTC, datetime
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from store.codec import Keys, Row, decode


class LogMapper(Mapper[UUID]):
    """Reads what the log has recorded; without a person's key their personal data is None."""

    def __init__(self, keys: Keys = lambda _: None) -> None:
        super().__init__(JSONTranscoder())
        self._keys = keys

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        stream = stored_event.originator_id
        row = Row(
            position=0,  # which the recorder does not hand on
            stream=stream if isinstance(stream, UUID) else UUID(stream),
            version=stored_event.originator_version,
            topic=stored_event.topic,
            state=stored_event.state,
            recorded_at=datetime.min.replace(tzinfo=UTC),
        )
        return decode(row, self._keys).event

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        raise NotImplementedError(f"only the log records: {domain_event}")
