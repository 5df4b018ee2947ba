import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import count
from typing import Any, TypeVar
from uuid import UUID

import pytest
from eventsourcing.domain import Aggregate, AggregateEvent
from eventsourcing.utils import register_topic

from domain.actor import Actor, Role
from domain.personal import Personal
from domain.user import User
from store.codec import Entry, PersonErased, RecordDamaged, Recorded, Row, decode, encode, entry_hash, leaf_hash
from tests.examples import ADDRESS
from tests.store.ledger import CORRELATION, MORNING, Ledger, entries

T = TypeVar("T", bound=AggregateEvent)

STREAM = UUID("22222222-2222-4222-8222-222222222222")
GUEST = UUID("33333333-3333-4333-8333-333333333333")
EVENT = UUID("44444444-4444-4444-8444-444444444444")
CAUSE = UUID("55555555-5555-4555-8555-555555555555")
ACTOR = Actor(Role.PASSPORT_OFFICER, str(GUEST), "desk 3")
RECORDED_AT = datetime(2026, 3, 1, 9, 0, 0, 123000, tzinfo=UTC)
NO_KEYS: dict[UUID, bytes] = {}
KEYS = {STREAM: bytes(range(32)), GUEST: bytes(reversed(range(32)))}


def predictable(number: int) -> bytes:
    return bytes(range(number))


def stored(event: Any, *, keys: dict[UUID, bytes] = KEYS) -> Row:
    entry = Entry(event, ACTOR, CORRELATION, CAUSE)
    state = encode(entry, event_id=EVENT, keys=keys.get, random_bytes=predictable)
    topic = f"{type(event).__module__}:{type(event).__qualname__}"
    return Row(7, event.originator_id, event.originator_version, topic, state, RECORDED_AT)


def event_of(event_class: type[T], version: int = 1, **values: Any) -> T:
    return event_class(originator_id=STREAM, originator_version=version, timestamp=MORNING, **values)


def opened() -> Ledger.Opened:
    event = entries(Ledger.open(STREAM))[0].event
    assert isinstance(event, Ledger.Opened)
    return event


def test_an_event_comes_back_as_it_was_with_who_when_and_why() -> None:
    event = opened()

    assert decode(stored(event), KEYS.get) == Recorded(7, RECORDED_AT, EVENT, ACTOR, CORRELATION, CAUSE, event)


def test_an_address_is_personal_and_comes_back_whole() -> None:
    event = event_of(User.AddressChanged, 2, address=ADDRESS)
    row = stored(event)

    assert decode(row, KEYS.get).event == event
    assert json.loads(row.state)["data"] == {}
    assert vars(decode(row, NO_KEYS.get).event)["address"] is None


def test_what_is_stored_is_json_that_names_its_parts() -> None:
    state = json.loads(stored(opened()).state)

    personal = state.pop("personal")
    assert state == {
        "event_id": str(EVENT),
        "occurred_at": "2026-03-01T08:30:00Z",
        "actor": {"role": "PASSPORT_OFFICER", "subject": str(GUEST), "channel": "desk 3"},
        "correlation_id": str(CORRELATION),
        "causation_id": str(CAUSE),
        "data": {
            "originator_topic": "tests.store.ledger:Ledger",
            "currency": "SAR",
            "limits": [{"amount": "99.50", "until": "2026-12-31"}, {"amount": "7", "until": None}],
        },
    }
    values = '{"owner":"Noura","title":{"ar":"توفير","en":"Savings"}}'.encode()
    assert personal.keys() == {"of", "hash", "box"}
    assert personal["of"] == str(STREAM)
    assert base64.b64decode(personal["hash"]) == hashlib.sha256(predictable(16) + values).digest()


def test_an_event_without_personal_fields_needs_no_key() -> None:
    event = event_of(Ledger.Deposited, 2, amount=Decimal(5), on=date(2026, 3, 1))

    row = stored(event, keys=NO_KEYS)

    assert "personal" not in json.loads(row.state)
    assert decode(row, NO_KEYS.get).event == event


def test_personal_fields_of_a_person_without_a_key_are_none_and_the_rest_is_there() -> None:
    event = decode(stored(opened()), NO_KEYS.get).event

    assert isinstance(event, Ledger.Opened)
    assert vars(event) == vars(opened()) | {"owner": None, "title": None}


def test_personal_data_is_under_the_key_of_the_person_whom_the_event_names() -> None:
    event = event_of(Ledger.Shared, 2, guest_id=GUEST, name="Rajesh", seen_at=MORNING)
    row = stored(event)

    assert decode(row, {GUEST: KEYS[GUEST]}.get).event == event
    assert vars(decode(row, {STREAM: KEYS[STREAM]}.get).event)["name"] is None


def test_personal_data_cannot_be_stored_without_a_key() -> None:
    with pytest.raises(PersonErased) as refused:
        stored(opened(), keys=NO_KEYS)
    assert refused.value.person == STREAM


@pytest.mark.parametrize(
    "other", [{"stream": GUEST}, {"version": 2}, {"state": stored(opened()).state.replace(b"44444444-", b"44444445-")}]
)
def test_a_box_opens_only_in_its_own_event(other: dict[str, Any]) -> None:
    with pytest.raises(RecordDamaged, match="position 7"):
        decode(stored(opened())._replace(**other), KEYS.get)


@pytest.mark.parametrize("state", [b"", b"{}", b"\xff", b'{"event_id":"x"}'])
def test_a_state_that_is_not_ours_is_told_with_its_position(state: bytes) -> None:
    with pytest.raises(RecordDamaged, match="position 7"):
        decode(stored(opened())._replace(state=state), KEYS.get)


def test_an_unknown_topic_is_told_with_its_position() -> None:
    with pytest.raises(RecordDamaged, match=r"position 7: tests\.store\.ledger:Ledger\.Closed"):
        decode(stored(opened())._replace(topic="tests.store.ledger:Ledger.Closed"), KEYS.get)


def test_equal_values_of_two_events_have_different_hashes_and_boxes() -> None:
    numbers = count()

    def differently(number: int) -> bytes:
        return next(numbers).to_bytes(number, "big")

    entry = Entry(opened(), ACTOR, CORRELATION)
    one, two = (
        json.loads(encode(entry, event_id=EVENT, keys=KEYS.get, random_bytes=differently))["personal"] for _ in range(2)
    )
    assert one["hash"] != two["hash"]
    assert one["box"] != two["box"]


def test_times_are_stored_in_utc_whatever_their_zone() -> None:
    riyadh = timezone(timedelta(hours=3))
    event = replace(opened(), timestamp=datetime(2026, 3, 1, 1, 0, 0, 5000, tzinfo=riyadh))

    row = stored(event)

    assert json.loads(row.state)["occurred_at"] == "2026-02-28T22:00:00.005000Z"
    assert decode(row, KEYS.get).event == event


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        stored(replace(opened(), timestamp=datetime(2026, 3, 1)))


class Letter(Aggregate):
    class Sent(Aggregate.Event):
        class_version = 3
        to: Personal[str]
        pages: int
        stamps: int = 1

        @staticmethod
        def upcast_v1_v2(data: dict[str, Any]) -> None:
            data["pages"] = data.pop("sheets") * 2

        @staticmethod
        def upcast_v2_v3(data: dict[str, Any]) -> None:
            data["to"] = data.pop("addressee", None)


class OldLetter(Aggregate):
    class Sent(Aggregate.Event):
        addressee: Personal[str]
        sheets: int


class LetterToday(Aggregate):
    class Sent(Aggregate.Event):
        to: Personal[str]
        pages: int
        stamps: int = 1
        copies_to: Personal[tuple[str, ...]] = ()


def test_an_old_event_is_brought_to_the_present_version_of_its_class() -> None:
    row = stored(event_of(OldLetter.Sent, addressee="Rajesh", sheets=2))._replace(topic=f"{__name__}:Letter.Sent")
    register_topic(f"{__name__}:Letter.Sent", Letter.Sent)

    assert decode(row, KEYS.get).event == event_of(Letter.Sent, to="Rajesh", pages=4)
    assert vars(decode(row, NO_KEYS.get).event) | {"timestamp": MORNING} == {
        "originator_id": STREAM,
        "originator_version": 1,
        "timestamp": MORNING,
        "to": None,
        "pages": 4,
        "stamps": 1,
    }


def test_a_present_event_says_its_version_and_is_not_changed() -> None:
    event = event_of(Letter.Sent, to="Rajesh", pages=4, stamps=2)
    row = stored(event)

    assert json.loads(row.state)["schema_version"] == 3
    assert decode(row, KEYS.get).event == event


def test_fields_that_were_added_later_have_their_defaults_in_old_events() -> None:
    row = stored(event_of(Letter.Sent, to="Rajesh", pages=4))._replace(topic=f"{__name__}:LetterToday.Sent")
    register_topic(f"{__name__}:LetterToday.Sent", LetterToday.Sent)

    assert decode(row, KEYS.get).event == event_of(LetterToday.Sent, to="Rajesh", pages=4)


def test_the_entry_and_leaf_hash_are_these_for_ever() -> None:
    row = Row(
        position=1,
        stream=STREAM,
        version=2,
        topic="domain.visa:Visa.Issued",
        state='{"ar":"سجل"}'.encode(),
        recorded_at=datetime(2026, 1, 10, 8, 0, tzinfo=UTC),
    )
    spelled = (
        b"\0\0\0\x08" + b"\0\0\0\0\0\0\0\x01"
        b"\0\0\0\x10" + STREAM.bytes + b"\0\0\0\x08" + b"\0\0\0\0\0\0\0\x02"
        b"\0\0\0\x17domain.visa:Visa.Issued"
        b"\0\0\0\x182026-01-10T08:00:00.000Z"
        b"\0\0\0\x0f" + row.state
    )
    entry = entry_hash(row)

    assert entry == hashlib.sha256(spelled).digest()
    assert entry.hex() == "5fc73fef3023a68ebe7277f82169819803de1f3a5c13eb8cacf83c7d335833e7"
    assert leaf_hash(entry).hex() == "ad8064966c2bf211dee30faa7703f2df02d7aeed851ebaabf0672f72817e2575"
