"""What was done to the record behind its back is found, with its position."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from psycopg import sql

from store.codec import leaf_hash
from store.faults import Fault
from tests.transparency.conftest import Notary
from tests.transparency.keys import ORIGIN, signer
from transparency import checkpoint, examination
from transparency.audit import NothingSigned, audit
from transparency.checkpoint import Checkpoint
from transparency.growth import Growth
from transparency.progress import Progress, read_progress, write_progress
from transparency.record import notes_between
from transparency.report import Kind, Report
from transparency.row import COLUMNS, RawRow, leaf_at, leaves_of
from transparency.tree import Frontier

COUNT = 600  # two tiles and a part
ALL = "notification_id, originator_version, originator_id, topic, state, recorded_at"
WITHOUT_CONSTRAINTS = "ALTER TABLE sijil_events DROP CONSTRAINT sijil_events_pkey"


async def examined(notary: Notary, *kept: Checkpoint, progress: Progress | None = None) -> Report:
    return await audit(notary.database, notary.keys.keys.verifiers, kept, progress=progress)


async def examined_with_file(notary: Notary) -> Report:
    return await audit(notary.database, notary.keys.keys.verifiers, [], outside=notary.kept)


def found(report: Report) -> list[tuple[Kind, int | None]]:
    return [(one.kind, one.position) for one in report.findings]


async def test_a_record_that_is_whole_is_read_whole_and_found_whole(notary: Notary) -> None:
    kept = await notary.record_and_sign(COUNT)
    await notary.record_and_sign(COUNT)
    await notary.record(5)  # not signed yet
    report = await examined(notary, kept)
    assert found(report) == []
    assert (report.events, report.signed.size, report.head) == (1205, 1200, 1205)


async def test_an_empty_log_is_whole(notary: Notary) -> None:
    async with notary.signing():
        await notary.signed(0)
    assert found(await examined(notary)) == []


async def test_the_leaf_hashes_of_raw_rows_are_those_of_the_log(notary: Notary) -> None:
    await notary.record(COUNT)
    await notary.run(
        "UPDATE sijil_events SET recorded_at = recorded_at + interval '1 microsecond' WHERE notification_id = 7",
        "UPDATE sijil_events SET recorded_at = recorded_at + interval '123456 microsecond' WHERE notification_id = 8",
    )
    query = f"SELECT {COLUMNS} FROM sijil_events ORDER BY 1"  # noqa: S608 (names of our own)
    async with notary.database.pool.connection() as connection:
        cursor = await connection.execute(query, binary=True)
        raw = [RawRow(*row) for row in await cursor.fetchall()]
    assert leaves_of(raw) == [leaf_hash(entry) for entry in await notary.entries()]


@pytest.mark.parametrize("position", [1, 256, 257, COUNT])
@pytest.mark.parametrize(
    "change",
    [
        "state = state || ' '",
        "topic = topic || 'x'",
        "originator_version = originator_version + 1000",
        "originator_id = gen_random_uuid()",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "recorded_at = 'infinity'",
        "originator_version = -1",
    ],
)
async def test_a_changed_event_is_named(notary: Notary, change: str, position: int) -> None:
    kept = await notary.record_and_sign(COUNT)
    await notary.run(
        "ALTER TABLE sijil_events DROP CONSTRAINT IF EXISTS sijil_events_originator_version_check",
        f"UPDATE sijil_events SET {change} WHERE notification_id = {position}",  # noqa: S608
    )
    assert found(await examined(notary)) == [(Kind.CHANGED, position)]
    assert found(await examined(notary, kept)) == [(Kind.CHANGED, position)]


@pytest.mark.parametrize("position", [1, 256, 300, COUNT - 1])
async def test_a_removed_event_is_named(notary: Notary, position: int) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(f"DELETE FROM sijil_events WHERE notification_id = {position}")  # noqa: S608
    assert found(await examined(notary)) == [(Kind.REMOVED, position)]


@pytest.mark.parametrize("position", [1, 256, 300])
async def test_a_removed_event_is_named_when_those_behind_it_were_moved_up(notary: Notary, position: int) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        f"DELETE FROM sijil_events WHERE notification_id = {position}",  # noqa: S608
        WITHOUT_CONSTRAINTS,
        f"UPDATE sijil_events SET notification_id = notification_id - 1 WHERE notification_id > {position}",  # noqa: S608
        "UPDATE log_head SET position = position - 1",
    )
    assert found(await examined(notary)) == [(Kind.REMOVED, position)]


async def test_a_removed_end_is_named_even_when_the_head_says_that_it_never_was(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run("DELETE FROM sijil_events WHERE notification_id > 597", "UPDATE log_head SET position = 597")
    assert found(await examined(notary)) == [(Kind.REMOVED, 598), (Kind.REMOVED, 599), (Kind.REMOVED, 600)]


async def test_a_long_part_that_was_removed_is_one_finding(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run("DELETE FROM sijil_events WHERE notification_id BETWEEN 100 AND 400")
    report = await examined(notary)
    assert found(report) == [(Kind.REMOVED, 100)]
    assert report.findings[0].text == "the events at positions 100 to 400 were removed"


def inserted(position: str, where: int) -> str:
    return f"""INSERT INTO sijil_events ({ALL})
        SELECT {position}, originator_version, gen_random_uuid(), topic, state, recorded_at
        FROM sijil_events WHERE notification_id = {where}"""  # noqa: S608


@pytest.mark.parametrize("position", [1, 256, 300, COUNT])
async def test_an_event_that_was_put_in_is_named(notary: Notary, position: int) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(WITHOUT_CONSTRAINTS, inserted(str(position), position))
    assert found(await examined(notary)) == [(Kind.ADDED, position)]


@pytest.mark.parametrize("position", [1, 256, 300, COUNT])
async def test_an_event_that_was_put_in_is_named_when_those_behind_it_were_moved_on(
    notary: Notary, position: int
) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        WITHOUT_CONSTRAINTS,
        f"UPDATE sijil_events SET notification_id = notification_id + 1 WHERE notification_id >= {position}",  # noqa: S608
        inserted(str(position), 10 if position != 10 else 11),
        "UPDATE log_head SET position = position + 1",
    )
    assert found(await examined(notary)) == [(Kind.ADDED, position)]


@pytest.mark.parametrize("position", [0, -5, COUNT + 6, COUNT + 5000])
async def test_an_event_outside_of_the_log_is_named(notary: Notary, position: int) -> None:
    await notary.record_and_sign(COUNT)
    await notary.record(5)
    await notary.run(
        "ALTER TABLE sijil_events DROP CONSTRAINT sijil_events_notification_id_check", inserted(str(position), 7)
    )
    assert found(await examined(notary)) == [(Kind.ADDED, position)]


async def test_rows_without_their_values_are_named(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        WITHOUT_CONSTRAINTS,
        "ALTER TABLE sijil_events ALTER topic DROP NOT NULL, ALTER notification_id DROP NOT NULL",
        "UPDATE sijil_events SET topic = NULL WHERE notification_id = 44",
        inserted("NULL", 45),
    )
    assert found(await examined(notary)) == [(Kind.CHANGED, 44), (Kind.ADDED, None)]


async def test_what_is_not_signed_yet_can_be_removed_but_leaves_a_gap(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.record(5)
    await notary.run("DELETE FROM sijil_events WHERE notification_id IN (602, 605)")
    report = await examined(notary)
    assert found(report) == [(Kind.REMOVED, 602), (Kind.REMOVED, 605)]
    assert report.findings[0].text == "the event at position 602 was removed (it was not signed yet)"


def moved(by: int, behind: int) -> str:
    return f"UPDATE sijil_events SET notification_id = notification_id + {by} WHERE notification_id > {behind}"  # noqa: S608


CHANGED_400 = "UPDATE sijil_events SET state = state || ' ' WHERE notification_id = {}"


@pytest.mark.parametrize("position", [1, 255, 300, COUNT - 2])
async def test_events_that_were_removed_together_are_named_and_so_is_what_was_changed_behind_them(
    notary: Notary, position: int
) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        f"DELETE FROM sijil_events WHERE notification_id IN ({position}, {position + 1})",  # noqa: S608
        WITHOUT_CONSTRAINTS,
        moved(-2, position),
        CHANGED_400.format(398),
    )
    changed = [(Kind.CHANGED, 400 if position < 400 else 398)]
    removed = [(Kind.REMOVED, position), (Kind.REMOVED, position + 1)]
    assert found(await examined(notary)) == (removed + changed if position < 400 else changed + removed)


async def test_events_that_were_put_in_together_are_named_and_so_is_what_was_changed_behind_them(
    notary: Notary,
) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        WITHOUT_CONSTRAINTS,
        moved(2, 99),
        inserted("100", 10),
        inserted("101", 11),
        CHANGED_400.format(402),
        "UPDATE log_head SET position = position + 2",
    )
    report = await examined(notary)
    assert found(report) == [(Kind.ADDED, 100), (Kind.CHANGED, 400)]
    assert report.findings[0].text == ("2 rows were put in at positions 100 to 101, and those behind were moved on")


@pytest.mark.parametrize("position", [7, 256, COUNT - 1])
async def test_events_that_were_swapped_are_changed_and_hide_nothing(notary: Notary, position: int) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        WITHOUT_CONSTRAINTS,
        f"""UPDATE sijil_events SET notification_id = {2 * position + 1} - notification_id
            WHERE notification_id IN ({position}, {position + 1})""",  # noqa: S608
        CHANGED_400.format(400),
    )
    expected = sorted([400, position, position + 1])
    assert found(await examined(notary)) == [(Kind.CHANGED, one) for one in expected]


async def test_two_rows_at_one_position_are_told_as_that_wherever_reading_stops(
    notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examination, "AT_ONCE", 100)
    await notary.record_and_sign(COUNT)
    await notary.run(
        WITHOUT_CONSTRAINTS,
        inserted("300", 300),  # first or second, as the database likes
        "UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 299",
    )
    assert found(await examined(notary)) == [(Kind.CHANGED, 299), (Kind.ADDED, 300)]


async def test_damaged_hashes_are_one_finding_for_their_tile_and_hide_nothing(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        "UPDATE tiles SET hashes = decode(repeat('ab', 32 * 25), 'hex') || substr(hashes, 32 * 25 + 1)"
        " WHERE (level, index) = (0, 0)",
        CHANGED_400.format(400),
    )
    report = await examined(notary)
    assert found(report) == [(Kind.CHANGED, 400), (Kind.HASH, 1)]
    assert report.findings[1].text == (
        "the hashes stored of positions 1 to 256 are not those that were signed; the events there are"
    )
    await notary.run(CHANGED_400.format(200))
    report = await examined(notary)
    assert found(report) == [(Kind.CHANGED, 400), (Kind.HASH, 1), (Kind.ROOT, None)]
    assert report.findings[2].text.startswith("another event among positions 1 to 256 was changed")


async def test_a_tile_that_was_deleted_accuses_no_event(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run("DELETE FROM tiles WHERE (level, index) = (0, 1)")
    report = await examined(notary)
    assert found(report) == [(Kind.HASH, 257)]
    await notary.run("DELETE FROM tiles")
    report = await examined(notary)
    assert [one.text for one in report.findings] == [
        "the hashes stored of positions 1 to 600 are not those that were signed; the events there are"
    ]


async def test_a_changed_hash_is_told_from_a_changed_event(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run(
        "UPDATE tiles SET hashes = set_byte(hashes, 32 * 9, 255 - get_byte(hashes, 32 * 9)) WHERE index = 1 AND level = 0"
    )
    assert found(await examined(notary)) == [(Kind.HASH, 256 + 10)]


async def test_an_event_that_was_changed_with_its_hash_is_found_by_the_root(notary: Notary) -> None:
    first = await notary.record_and_sign(300)
    await notary.record_and_sign(300)
    await notary.run("UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 400")
    leaf = leaf_hash((await notary.entries())[399]).hex()
    place = (400 - 257) * 32 + 1
    await notary.run(
        f"UPDATE tiles SET hashes = overlay(hashes placing '\\x{leaf}' from {place}) WHERE (level, index) = (0, 1)"  # noqa: S608
    )
    report = await examined(notary, first)
    assert found(report) == [(Kind.ROOT, None)]
    assert report.findings[0].text.startswith(
        "the record and its stored hashes were rewritten at some position behind 300, up to 600: "
    )


async def test_checkpoints_that_the_log_has_tell_between_which_two_it_was_rewritten(notary: Notary) -> None:
    for _ in range(6):
        await notary.record_and_sign(100)
    await notary.run("UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 350")
    leaf = leaf_hash((await notary.entries())[349]).hex()
    place = (350 - 257) * 32 + 1
    await notary.run(
        f"UPDATE tiles SET hashes = overlay(hashes placing '\\x{leaf}' from {place}) WHERE (level, index) = (0, 1)",  # noqa: S608
        "UPDATE checkpoints SET note = 'nonsense' WHERE size = 500",
    )
    (finding,) = (await examined(notary)).findings
    assert finding.text.startswith(
        "the record and its stored hashes were rewritten at some position behind 300, up to 400: "
    )
    await notary.run("DELETE FROM checkpoints WHERE size < 600")
    (finding,) = (await examined(notary)).findings
    assert finding.text.startswith("the record and its stored hashes were rewritten at some position up to 600: ")


@pytest.mark.parametrize(
    ("most", "sizes"), [(1, [900]), (3, [300, 600, 900]), (256, [*range(0, 910, 10)])], ids=["one", "some", "all"]
)
async def test_as_many_checkpoints_as_are_wanted_are_found_evenly(notary: Notary, most: int, sizes: list[int]) -> None:
    await notary.run(
        "INSERT INTO checkpoints SELECT size, ''::bytea, now(), size::text FROM generate_series(0, 900, 10) AS size"
    )
    async with notary.database.pool.connection() as connection:
        assert [int(note) for note in await notes_between(connection, 900, most)] == sizes
        assert await notes_between(connection, 0, most) == ["0"]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM tiles WHERE level = 1",
        "UPDATE tiles SET hashes = substr(hashes, 1, 32) WHERE level = 1",
        "UPDATE tiles SET hashes = set_byte(hashes, 40, 255 - get_byte(hashes, 40)) WHERE level = 1",
    ],
)
async def test_an_inner_tile_that_is_damaged_is_named_and_hides_nothing(notary: Notary, damage: str) -> None:
    kept = await notary.record_and_sign(300)
    await notary.record_and_sign(300)
    await notary.run(damage)
    named = (
        "tile/1/000.p/2, the hashes of level 1 over positions 1 to 512, is not the one that was signed",
        Kind.HASH,
    )
    report = await examined(notary, kept)
    assert [(one.text, one.kind) for one in report.findings] == [named]
    await notary.run(
        "UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 300",
        "DELETE FROM sijil_events WHERE notification_id = 10",
    )
    assert found(await examined(notary, kept)) == [(Kind.REMOVED, 10), (Kind.CHANGED, 300), (Kind.HASH, 1)]


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
    report = await examined(notary, kept)
    assert found(report) == [(Kind.ROOT, None)]
    assert report.findings[0].text == (
        "the first 600 events are not those of the checkpoint that was kept: history was rewritten"
    )


async def test_a_log_that_is_shorter_than_the_checkpoint_that_was_kept_is_refused(notary: Notary) -> None:
    await notary.record_and_sign(200)
    kept = await notary.record_and_sign(30)
    await notary.restore(200)
    assert found(await examined(notary)) == []
    assert found(await examined(notary, kept)) == [(Kind.ROOT, None)]


async def test_a_checkpoint_that_was_removed_or_is_signed_by_somebody_else_does_not_count(notary: Notary) -> None:
    kept = await notary.record_and_sign(COUNT)
    forged = checkpoint.sign(kept, [signer(9)])
    await notary.run(f"UPDATE checkpoints SET note = {sql.quote(forged)} WHERE size = {COUNT}")  # noqa: S608
    assert found(await examined(notary, kept)) == [(Kind.CHECKPOINT, None)]
    await notary.run("DELETE FROM checkpoints")
    assert found(await examined(notary, kept)) == [(Kind.CHECKPOINT, None)]
    with pytest.raises(NothingSigned, match="there is no checkpoint in the database"):
        await examined(notary)


async def test_checkpoints_that_were_deleted_hide_nothing_from_the_file_outside(notary: Notary) -> None:
    await notary.record_and_sign(300)
    await notary.record_and_sign(300)
    assert found(await examined_with_file(notary)) == []
    await notary.run(
        "UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 400",
        "DELETE FROM checkpoints WHERE size > 300",
    )
    report = await examined_with_file(notary)
    assert found(report) == [(Kind.CHECKPOINT, None), (Kind.CHANGED, 400)]
    assert (report.signed.size, report.note) == (600, "")
    await notary.run("DELETE FROM checkpoints")
    assert found(await examined_with_file(notary)) == [(Kind.CHECKPOINT, None), (Kind.CHANGED, 400)]


async def test_a_database_that_gets_the_checkpoint_of_the_file_a_moment_later_is_whole(notary: Notary) -> None:
    await notary.record_and_sign(300)
    await notary.record_and_sign(300)
    await notary.run("CREATE TABLE later AS SELECT * FROM checkpoints WHERE size = 600")
    await notary.run("DELETE FROM checkpoints WHERE size = 600")
    examining = asyncio.create_task(examined_with_file(notary))
    await asyncio.sleep(0.5)
    await notary.run("INSERT INTO checkpoints SELECT * FROM later")
    assert found(await examining) == []


async def test_a_file_outside_that_nobody_trusted_has_signed_is_said(notary: Notary) -> None:
    await notary.record_and_sign(300)
    notary.kept.file.write_text(checkpoint.sign(notary.outside, [signer(9)]))
    assert found(await examined_with_file(notary)) == [(Kind.CHECKPOINT, None)]


async def test_an_examination_goes_on_from_where_another_one_was(notary: Notary) -> None:
    kept = await notary.record_and_sign(100)
    await notary.record_and_sign(COUNT)
    half = Frontier()
    half.append([leaf_hash(entry) for entry in (await notary.entries())[:333]])
    report = await examined(notary, kept, progress=Progress(ORIGIN, 333, half.peaks))
    assert (found(report), report.events, report.believed) == ([], 700 - 333, 333)
    await notary.run("UPDATE sijil_events SET state = state || ' ' WHERE notification_id = 555")
    report = await examined(notary, kept, progress=Progress(ORIGIN, 333, half.peaks))
    assert found(report) == [(Kind.CHANGED, 555)]


async def test_how_far_it_has_come_is_told_and_can_be_kept_in_a_file(notary: Notary, tmp_path: Path) -> None:
    await notary.record_and_sign(COUNT)
    told: list[Progress] = []
    await audit(notary.database, notary.keys.keys.verifiers, [], saved=told.append)
    file = tmp_path / "state"
    assert read_progress(file) is None
    write_progress(file, told[-1])
    kept = read_progress(file)
    assert kept == told[-1]
    await notary.record_and_sign(10)
    report = await examined(notary, progress=kept)
    assert (found(report), report.events) == ([], 10)
    for nonsense in (b"", b"{}", b'{"origin":"o","size":3,"peaks":[]}', b'{"origin":"o","size":1,"peaks":["AA=="]}'):
        file.write_bytes(nonsense)
        assert read_progress(file) is None


async def test_a_file_that_others_can_write_or_read_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "state"
    write_progress(file, Progress(ORIGIN, 1, [bytes(32)]))
    assert file.stat().st_mode & 0o777 == 0o600
    for mode in (0o620, 0o640, 0o604):
        file.chmod(mode)
        with pytest.raises(Fault, match="is not yours alone"):
            read_progress(file)


async def test_a_file_of_another_record_makes_it_begin_anew(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    wrong = Frontier()
    wrong.append([bytes(32)] * 333)
    for progress in (
        Progress(ORIGIN, 333, wrong.peaks),
        Progress("other/log", 333, wrong.peaks),
        Progress(ORIGIN, 1024, wrong.peaks[:1]),
    ):
        report = await examined(notary, progress=progress)
        assert (found(report), report.events) == ([], COUNT)


async def test_after_many_findings_the_rest_is_not_looked_for(notary: Notary) -> None:
    await notary.record_and_sign(COUNT)
    await notary.run("UPDATE sijil_events SET state = state || ' ' WHERE notification_id % 2 = 0")
    assert found(await examined(notary)) == [(Kind.CHANGED, position) for position in range(2, 42, 2)]


def grown(sizes: Sequence[int], steps: Sequence[int]) -> dict[int, bytes]:
    growth = Growth([Checkpoint(ORIGIN, size, bytes(32)) for size in sizes])
    leaves = [bytes([number]) * 32 for number in range(sum(steps))]
    for step in steps:
        growth.append(leaves[growth.size : growth.size + step])
    return growth.roots


def test_roots_are_known_at_every_size_that_is_asked_for_however_leaves_come() -> None:
    expected = {}
    frontier = Frontier()
    for number in range(21):
        expected[number] = frontier.root
        frontier.append([bytes([number]) * 32])
    sizes = (0, 1, 7, 8, 8, 20)
    for steps in ([20], [1] * 20, [7, 1, 12], [8, 12], [19, 1]):
        assert grown(sizes, steps) == {size: expected[size] for size in sizes}


def test_a_row_that_could_never_have_been_written_has_no_leaf() -> None:
    row = RawRow(1, bytes(16), 1, "topic", bytes(8), b"{}")
    assert leaf_at(row) != leaf_at(row, 2)
    assert leaf_at(row._replace(recorded_at=(2**63 - 1).to_bytes(8, "big"))) is None
