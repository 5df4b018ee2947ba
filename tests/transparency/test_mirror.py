"""A log examined from outside, by what it serves."""

from collections.abc import Awaitable, Callable

import httpx
import pytest
from starlette.applications import Starlette

from tests.transparency.conftest import Notary
from tests.transparency.keys import ORIGIN, signer
from transparency import checkpoint
from transparency.checkpoint import Checkpoint
from transparency.mirror import NotServed, examine_mirror
from transparency.note import NoteInvalid
from transparency.report import MOST_FINDINGS, Finding, Kind, Report
from transparency.tile import cut
from transparency.tree import node_hash, root_of_perfect
from transparency.web import LogWeb

COUNT = 600  # two tiles and a part


def fetch_of(notary: Notary) -> Callable[[str], Awaitable[bytes | None]]:
    web = Starlette(routes=LogWeb(notary.database.pool, notary.keys).routes)

    async def fetch(path: str) -> bytes | None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=web), base_url="http://log") as client:
            answer = await client.get(f"/log/{path}")
        return answer.content if answer.status_code == 200 else None

    return fetch


async def examined(notary: Notary, *kept: Checkpoint) -> Report:
    return await examine_mirror(fetch_of(notary), notary.keys.keys.verifiers, kept)


def found(report: Report) -> list[tuple[Kind, int | None]]:
    return [(one.kind, one.position) for one in report.findings]


async def test_a_log_that_is_whole_is_found_whole(notary: Notary) -> None:
    kept = await notary.record_and_sign(300)
    await notary.record_and_sign(300)
    told: list[tuple[float, int]] = []
    fetch = fetch_of(notary)
    report = await examine_mirror(
        fetch, notary.keys.keys.verifiers, [kept], report=lambda done, more: told.append((done, more))
    )
    assert (found(report), report.events, report.signed.size) == ([], COUNT, COUNT)
    assert report.note.encode() == await fetch("checkpoint")
    assert told == [(1.0, COUNT)]


async def test_an_empty_log_is_whole(notary: Notary) -> None:
    async with notary.signing():
        await notary.signed(0)
    assert found(await examined(notary)) == []


@pytest.mark.parametrize("position", [1, 256, 300, COUNT])
async def test_a_changed_event_is_named(notary: Notary, position: int) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(f"UPDATE sijil_events SET state = state || ' ' WHERE notification_id = {position}")  # noqa: S608
    assert found(await examined(notary)) == [(Kind.CHANGED, position)]


async def test_a_time_that_was_changed_by_less_than_a_millisecond_is_named(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        "UPDATE sijil_events SET recorded_at = recorded_at + interval '1 microsecond' WHERE notification_id = 300"
    )
    assert found(await examined(notary)) == [(Kind.CHANGED, 300)]


@pytest.mark.parametrize(
    ("position", "more"),
    [
        (1, ", and perhaps more up to 256"),
        (255, ", and perhaps more up to 256"),
        (256, ""),
        (300, ", and perhaps more up to 512"),
        (599, ", and perhaps more up to 600"),
        (COUNT, ""),
    ],
)
async def test_a_removed_event_is_named_by_what_the_log_can_serve_before_it(
    notary: Notary, position: int, more: str
) -> None:
    kept = await notary.record_and_sign(COUNT)
    await notary.run(f"DELETE FROM sijil_events WHERE notification_id = {position}")  # noqa: S608
    text = f"the log cannot serve the event at position {position}: it is missing{more}"
    assert (await examined(notary, kept)).findings == [Finding(Kind.REMOVED, position, text)]


async def test_what_was_changed_before_and_behind_a_removed_event_is_named_too(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        "UPDATE sijil_events SET state = state || ' ' WHERE notification_id IN (299, 513)",
        "DELETE FROM sijil_events WHERE notification_id IN (17, 300, 310)",
    )
    assert found(await examined(notary)) == [
        (Kind.REMOVED, 17),
        (Kind.CHANGED, 299),
        (Kind.REMOVED, 300),
        (Kind.CHANGED, 513),
    ]


async def test_the_first_event_that_is_missing_takes_eight_requests_more(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    fetch = fetch_of(notary)
    asked: list[str] = []

    async def counted(path: str) -> bytes | None:
        asked.append(path)
        return await fetch(path)

    await examine_mirror(counted, notary.keys.keys.verifiers, [])
    whole = len([path for path in asked if "entries" in path])
    asked.clear()
    await notary.run("DELETE FROM sijil_events WHERE notification_id = 300")
    await examine_mirror(counted, notary.keys.keys.verifiers, [])
    assert len([path for path in asked if "entries" in path]) == whole + 8


async def test_an_inner_tile_that_is_missing_is_named_and_hides_nothing(notary: Notary) -> None:
    kept = await notary.record_and_sign(COUNT)
    await notary.run(
        "DELETE FROM tiles WHERE level = 1",
        "UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 300",
    )
    assert found(await examined(notary, kept)) == [(Kind.CHANGED, 300), (Kind.HASH, 1)]


async def test_a_changed_hash_is_told_from_a_changed_event(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        "UPDATE tiles SET hashes = set_byte(hashes, 32, 255 - get_byte(hashes, 32)) WHERE level = 0 AND index = 0"
    )
    assert found(await examined(notary)) == [(Kind.HASH, 2)]


async def test_damaged_hashes_are_one_finding_for_their_tile_and_hide_nothing(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        "UPDATE tiles SET hashes = decode(repeat('ab', 32 * 25), 'hex') || substr(hashes, 32 * 25 + 1)"
        " WHERE (level, index) = (0, 0)",
        "UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 400",
    )
    assert found(await examined(notary)) == [(Kind.CHANGED, 400), (Kind.HASH, 1)]


async def test_a_history_that_was_rewritten_and_signed_anew_is_refused_by_the_checkpoint_that_was_kept(
    notary: Notary,
) -> None:
    kept = await notary.record_and_sign(COUNT)
    await notary.run(
        "UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 17",
        "DELETE FROM tiles",
        "DELETE FROM checkpoints",
    )
    notary.kept.file.unlink()
    await notary.record_and_sign(10)
    assert found(await examined(notary)) == []
    assert found(await examined(notary, kept)) == [(Kind.ROOT, None)]


@pytest.mark.parametrize("size", [1000, 65_537, 2**24 + 65_537, 2**32 + 1, 2**62])
async def test_a_log_that_signs_a_size_and_serves_nothing_of_it_is_not_asked_without_end(size: int) -> None:
    asked: list[str] = []
    note = checkpoint.sign(Checkpoint(ORIGIN, size, bytes(32)), [signer()]).encode()

    async def fetch(path: str) -> bytes | None:
        asked.append(path)
        return note if path == "checkpoint" else None

    report = await examine_mirror(fetch, [signer().verifier], [])
    assert {one.kind for one in report.findings} == {Kind.REMOVED}
    assert len(asked) < 500


async def test_a_log_that_serves_nothing_but_what_leads_to_its_root_is_not_asked_without_end() -> None:
    asked: list[str] = []
    top = b"".join(node_hash(bytes([number]), b"") for number in range(64))
    signed = Checkpoint(ORIGIN, 2**62, root_of_perfect(cut(top)))
    served = {"checkpoint": checkpoint.sign(signed, [signer()]).encode(), "tile/7/000.p/64": top}

    async def fetch(path: str) -> bytes | None:
        asked.append(path)
        return served.get(path)

    report = await examine_mirror(fetch, [signer().verifier], [])
    assert len([one for one in report.findings if one.kind == Kind.REMOVED]) == MOST_FINDINGS
    assert len(asked) < 500


async def test_without_a_checkpoint_that_is_signed_there_is_nothing_to_examine(notary: Notary) -> None:
    with pytest.raises(NotServed):
        await examined(notary)
    await notary.record_and_sign(3)
    with pytest.raises(NoteInvalid):
        await examine_mirror(fetch_of(notary), [signer(9).verifier], [])
