import asyncio
import logging
import os
from contextlib import suppress
from datetime import timedelta

import pytest

from duties import background
from store.faults import ExitStatus, Fault
from tests.transparency import naive
from tests.transparency.conftest import Notary, until
from tests.transparency.keys import ORIGIN
from transparency import extension, standing, tile
from transparency.checkpoint import Checkpoint, verify
from transparency.kept import Kept, KeptChanged
from transparency.key import rotate_log_keys
from transparency.note import NoteInvalid
from transparency.record import tiles_of
from transparency.signer import accept
from transparency.tree import EMPTY_ROOT

HOLDER = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 5"

DIES_AT_COMMIT = """
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER dies AFTER INSERT ON checkpoints DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION die()
"""

DIES_AT_TILE_2 = """
    CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE TRIGGER dies BEFORE INSERT ON tiles FOR EACH ROW WHEN (new.level = 0 AND new.index = 2)
    EXECUTE FUNCTION die()
"""


BEHIND_300 = (
    "DELETE FROM checkpoints WHERE size > 300",
    "DELETE FROM tiles WHERE level = 0 AND index > 1",
    "UPDATE tiles SET hashes = substr(hashes, 1, 44 * 32) WHERE level = 0 AND index = 1",
    "UPDATE tiles SET hashes = substr(hashes, 1, 32) WHERE level = 1",
)


async def make_half(notary: Notary, monkeypatch: pytest.MonkeyPatch, *changes: str) -> None:
    """Change the database, and end who makes the tiles of its 900 events again at 500 of them."""
    monkeypatch.setattr(extension, "SLICE", 100)
    monkeypatch.setattr(standing, "COMMIT_EVERY", 0)
    await notary.run(*changes, DIES_AT_TILE_2)
    async with notary.signing():

        async def is_half_made() -> bool:
            return await notary.rows("SELECT sum(length(hashes)) FROM tiles WHERE level = 0") == [(500 * 32,)]

        await until(is_half_made)
    await notary.run("DROP TRIGGER dies ON tiles")


async def test_what_is_recorded_is_signed_within_a_second_inside_and_outside_of_the_database(notary: Notary) -> None:
    async with notary.signing() as signer:
        assert (await notary.signed(0)).size == 0
        assert notary.outside == Checkpoint(ORIGIN, 0, EMPTY_ROOT)
        for count in (1, 255, 2, 700):
            await notary.record(count)
            async with asyncio.timeout(1.5):  # the machine may be busy
                signed = await notary.signed()
            root = naive.mth(await notary.entries())
            assert verify(signed.note, notary.keys.keys.verifiers) == Checkpoint(ORIGIN, signed.size, root)
            assert notary.kept.read() == signed.note
            assert signed.signed_at == notary.now()
        assert signer.health.signing
    assert await notary.rows("SELECT level, index, length(hashes) / 32 FROM tiles ORDER BY 1, 2") == [
        (0, 0, 256),
        (0, 1, 256),
        (0, 2, 256),
        (0, 3, 190),
        (1, 0, 3),
    ]


async def test_every_tree_that_was_signed_is_found_in_the_tiles_and_the_later_ones_extend_it(notary: Notary) -> None:
    for count in (3, 254, 600):
        await notary.record_and_sign(count)
    entries = await notary.entries()
    async with notary.database.pool.connection() as connection:
        read = tiles_of(connection)
        for size, root in await notary.rows("SELECT size, root FROM checkpoints"):
            assert await tile.root(read, size) == root == naive.mth(entries[:size])
            assert await tile.consistency_proof(read, size, 857) == (naive.proof(size, entries) if size else [])


async def test_checkpoints_are_signed_at_most_twice_a_second_and_none_while_nothing_is_recorded(notary: Notary) -> None:
    async with notary.signing():
        for _ in range(30):
            await notary.record(1)
            await asyncio.sleep(0.04)
        await notary.signed()
        signed = await notary.rows("SELECT size FROM checkpoints")
        assert 2 <= len(signed) <= 6
        await asyncio.sleep(0.7)
        assert await notary.rows("SELECT size FROM checkpoints") == signed


async def test_one_process_signs_and_another_takes_over_when_it_is_gone(notary: Notary) -> None:
    second = notary.signer()
    async with notary.signing() as first:
        await notary.record(3)
        await notary.signed()
        waiting = asyncio.create_task(second.run())
        await asyncio.sleep(0.3)
        assert (first.health.signing, second.health.signing) == (True, False)
    await notary.record(3)
    assert (await notary.signed()).size == 6
    assert second.health.signing
    waiting.cancel()


async def test_two_signers_at_once_sign_one_history(notary: Notary) -> None:
    async with notary.signing(), notary.signing():
        for _ in range(5):
            await notary.record(2)
            await notary.rows(HOLDER)
            await notary.signed()
    assert notary.outside == Checkpoint(ORIGIN, 10, naive.mth(await notary.entries()))


async def test_a_signer_whose_turn_has_passed_does_not_replace_what_the_next_one_has_signed(notary: Notary) -> None:
    seen = notary.kept.read()
    await notary.record_and_sign(3)
    with pytest.raises(KeptChanged):
        notary.kept.replace("late\n", seen=seen)
    assert notary.outside.size == 3


async def test_a_lost_connection_is_made_again_and_all_is_checked_again(
    notary: Notary, caplog: pytest.LogCaptureFixture
) -> None:
    async with notary.signing() as signer:
        await notary.record(300)
        await notary.signed()
        await notary.rows(HOLDER)
        await notary.record(300)
        signed = await notary.signed()
        assert signer.health.signing
    assert signed.root == naive.mth(await notary.entries())
    assert "signing stops for a moment" in caplog.text


async def test_a_crash_between_file_and_commit_is_healed_by_the_next_start(notary: Notary) -> None:
    await notary.record_and_sign(200)
    async with notary.database.pool.connection() as connection:
        await connection.execute(DIES_AT_COMMIT)
    await notary.record(200)

    async with notary.signing():  # dies, finds the file ahead, and dies again as it takes that over

        async def is_ahead() -> bool:
            return notary.outside.size == 400

        await until(is_ahead)
    assert await notary.rows("SELECT max(size) FROM checkpoints") == [(200,)]
    assert await notary.rows("SELECT sum(length(hashes)) FROM tiles") == [(200 * 32,)]

    await notary.run("DROP TRIGGER dies ON checkpoints")
    await notary.record(200)
    ahead = notary.kept.read()
    async with notary.signing():
        signed = await notary.signed()
    assert signed.root == naive.mth(await notary.entries())
    assert await notary.rows("SELECT note FROM checkpoints WHERE size = 400") == [(ahead,)]


async def test_a_database_restored_to_an_earlier_time_is_refused_loudly_and_nothing_is_signed(
    notary: Notary, caplog: pytest.LogCaptureFixture
) -> None:
    await notary.record_and_sign(100)
    await notary.record_and_sign(300)
    kept = notary.kept.read()
    await notary.restore(100)

    reason = await notary.refusal()

    assert reason.startswith("The record ends at position 100, and a checkpoint over 400 events was signed: ")
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL] == [
        f"no checkpoint is signed any more: {reason}"
    ]
    assert (notary.kept.read(), await notary.rows("SELECT max(size) FROM checkpoints")) == (kept, [(100,)])


async def test_a_restored_database_that_has_grown_another_history_is_refused(notary: Notary) -> None:
    await notary.record_and_sign(100)
    await notary.record_and_sign(100)
    await notary.restore(100)
    await notary.record(400)

    assert (await notary.refusal()).startswith("The database's tree of 200 events is not the one that was signed: ")
    assert await notary.rows("SELECT max(size), count(*) FROM checkpoints") == [(100, 1)]
    assert await notary.rows("SELECT sum(length(hashes)) FROM tiles") == [(100 * 32,)]


async def test_a_database_without_any_checkpoint_beside_a_file_of_another_history_is_refused(notary: Notary) -> None:
    await notary.record_and_sign(5)
    await notary.restore(0)
    assert (await notary.refusal()).startswith(
        "The record ends at position 0, and a checkpoint over 5 events was signed"
    )
    await notary.record(9)
    assert (await notary.refusal()).startswith("The database's tree of 5 events is not the one that was signed")
    await notary.run("DELETE FROM tiles", "DELETE FROM checkpoints")
    assert (await notary.refusal()).startswith("The database's tree of 5 events is not the one that was signed")


@pytest.mark.parametrize("change", ["UPDATE sijil_events SET topic = 'x' WHERE notification_id = 290"])
async def test_a_newest_event_that_was_changed_is_refused_with_its_position(notary: Notary, change: str) -> None:
    await notary.record_and_sign(300)
    await notary.run(change)
    assert (await notary.refusal()).startswith("The event at position 290 is not the one that was signed: ")


@pytest.mark.parametrize(
    "changes",
    [
        (
            "UPDATE sijil_events SET notification_id = notification_id + 1000 WHERE notification_id >= 3",
            "UPDATE sijil_events SET notification_id = notification_id - 999 WHERE notification_id > 1000",
            (
                "INSERT INTO sijil_events SELECT 3, originator_version, gen_random_uuid(), topic, state, recorded_at "
                "FROM sijil_events WHERE notification_id = 2"
            ),
        ),
        ("DELETE FROM sijil_events WHERE notification_id = 5",),
    ],
    ids=["moved on", "taken out"],
)
async def test_a_signer_that_runs_signs_nothing_twice_and_goes_on_from_nothing_that_is_gone(
    notary: Notary, changes: tuple[str, ...]
) -> None:
    async with notary.signing() as signer:
        await notary.record(5)
        await notary.signed(5)
        await notary.run(*changes)
        await notary.run("SELECT pg_notify('sijil_events', '6')")

        async def has_stopped() -> bool:
            return signer.health.reason is not None

        await until(has_stopped)
    assert (signer.health.reason or "").startswith("The event at position 5 is not the one that was signed: ")
    assert await notary.rows("SELECT max(size) FROM checkpoints") == [(5,)]


async def test_an_event_that_is_missing_is_not_passed_over(notary: Notary) -> None:
    async with notary.signing() as signer:
        await notary.signed(0)
        await notary.run("UPDATE log_head SET position = 1")  # as if the first one had been taken out
        await notary.record(2)

        async def has_stopped() -> bool:
            return signer.health.reason is not None

        await until(has_stopped)
    assert (signer.health.reason or "").startswith("The event at position 1 is missing from the record, ")
    assert await notary.rows("SELECT max(size) FROM checkpoints") == [(0,)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "UPDATE tiles SET hashes = overlay(hashes placing '\\x00' from 33) WHERE level = 0 AND index = 1",
            "do not lead",
        ),
        ("UPDATE tiles SET hashes = substr(hashes, 1, 32) WHERE level = 0 AND index = 1", "are damaged"),
        ("DELETE FROM tiles WHERE level = 1", "are damaged"),
        ("UPDATE checkpoints SET root = sha256('x')", "do not lead"),
        ("UPDATE checkpoints SET note = replace(note, '300', '301')", "cannot be trusted"),
    ],
)
async def test_tiles_and_checkpoints_that_were_changed_are_refused(notary: Notary, change: str, reason: str) -> None:
    await notary.record_and_sign(300)
    await notary.run(change)
    assert reason in await notary.refusal()


async def test_a_missing_file_is_refused_until_an_operator_accepts_the_database(notary: Notary) -> None:
    signed = await notary.record_and_sign(300)
    notary.kept.file.unlink()
    assert (await notary.refusal()).startswith(f"The checkpoint file {notary.kept.file} is missing, although ")

    assert await accept(notary.database, notary.keys, notary.kept) == signed == notary.outside

    assert (await notary.record_and_sign(1)).size == 301


async def test_an_older_file_is_refused_until_an_operator_accepts_the_database(notary: Notary) -> None:
    await notary.record_and_sign(10)
    old = notary.kept.read()
    await notary.record_and_sign(10)
    notary.kept.file.write_text(old or "", "utf-8")
    assert "is older than the database's last checkpoint" in await notary.refusal()
    assert (await accept(notary.database, notary.keys, notary.kept)).size == 20
    assert (await notary.record_and_sign(1)).size == 21


async def test_nobody_can_accept_a_database_that_is_behind_the_file_or_of_another_history(notary: Notary) -> None:
    await notary.record_and_sign(10)
    await notary.record_and_sign(10)
    await notary.restore(10)
    with pytest.raises(Fault, match="is ahead of the database, which was restored to an earlier time"):
        await accept(notary.database, notary.keys, notary.kept)

    await notary.record(20)
    before = notary.kept.read()
    elsewhere = Kept(notary.kept.file.with_name("elsewhere"))
    await notary.run("DELETE FROM tiles", "DELETE FROM checkpoints")
    forked = notary.signer(elsewhere)
    task = asyncio.create_task(forked.run())
    await notary.signed()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    with pytest.raises(Fault, match="is of another history than the database"):
        await accept(notary.database, notary.keys, notary.kept)
    assert notary.kept.read() == before


async def test_nobody_can_accept_anything_while_a_server_signs_or_before_anything_was_signed(notary: Notary) -> None:
    with pytest.raises(Fault, match="There is no checkpoint in the database"):
        await accept(notary.database, notary.keys, notary.kept)
    async with notary.signing():
        await notary.signed(0)
        with pytest.raises(Fault) as fault:
            await accept(notary.database, notary.keys, notary.kept)
    assert fault.value.exit_status == ExitStatus.BUSY


@pytest.mark.parametrize("content", ["", "nonsense\n", "sijil.local/log\n0\nx\n\n— a AAAAAAAA\n"])
async def test_a_file_that_is_no_checkpoint_of_ours_is_refused(notary: Notary, content: str) -> None:
    await notary.record_and_sign(10)
    notary.kept.file.write_text(content, "utf-8")
    assert f"The checkpoint file {notary.kept.file} cannot be trusted: " in await notary.refusal()
    with pytest.raises(Fault, match="cannot be trusted"):  # it may have been ahead of the database
        await accept(notary.database, notary.keys, notary.kept)
    assert notary.kept.read() == content


async def test_other_keys_than_those_that_have_signed_are_refused(notary: Notary) -> None:
    await notary.record_and_sign(10)
    notary.key_file.unlink()
    assert "cannot be trusted: nobody who is trusted has signed it" in await notary.refusal()


async def test_after_a_rotation_both_keys_sign_and_later_only_the_new_one(notary: Notary) -> None:
    async with notary.signing():
        await notary.record(10)
        first = verify((await notary.signed()).note, notary.keys.keys.verifiers)
        old = notary.keys.keys.present
        new = rotate_log_keys(
            notary.key_file, origin=ORIGIN, now=notary.now(), random_bytes=os.urandom, overlap=timedelta(days=30)
        ).present
        await notary.record(1)
        both = (await notary.signed()).note
        assert verify(both, [old]) == verify(both, [new])

        notary.now.advance(days=30)
        await notary.record(1)
        later = (await notary.signed()).note
        assert verify(later, [new]).size == 12
        with pytest.raises(NoteInvalid, match="nobody who is trusted"):
            verify(later, [old])
    assert first.size == 10


async def test_after_a_rotation_the_tree_is_signed_again_soon_although_nothing_was_recorded(notary: Notary) -> None:
    async with notary.signing():
        await notary.record(10)
        await notary.signed()
        rotated = rotate_log_keys(
            notary.key_file, origin=ORIGIN, now=notary.now(), random_bytes=os.urandom, overlap=timedelta(0)
        )

        async def is_signed_again() -> bool:
            with suppress(NoteInvalid):
                return verify((await notary.signed(10)).note, [rotated.present]).size == 10
            return False

        await until(is_signed_again, within=3)
    assert await notary.rows("SELECT note FROM checkpoints WHERE size = 10") == [(notary.kept.read(),)]


async def test_tiles_are_made_again_from_the_record_and_must_come_to_what_is_in_the_file(notary: Notary) -> None:
    signed = await notary.record_and_sign(600)
    before = await notary.rows("SELECT * FROM tiles ORDER BY level, index")
    await notary.run("UPDATE tiles SET hashes = sha256('x') WHERE index = 2")
    assert "are damaged" in await notary.refusal()
    await notary.run("DELETE FROM tiles", "DELETE FROM checkpoints")
    async with notary.signing():
        assert (await notary.signed()).root == signed.root
    assert await notary.rows("SELECT * FROM tiles ORDER BY level, index") == before


async def test_who_is_ended_while_tiles_are_made_again_goes_on_there_and_signs_nothing_before_the_root_is_right(
    notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = await notary.record_and_sign(900)
    before = await notary.rows("SELECT * FROM tiles ORDER BY level, index")
    kept = notary.kept.read()
    await make_half(notary, monkeypatch, "DELETE FROM tiles", "DELETE FROM checkpoints")
    assert (await notary.rows("SELECT * FROM checkpoints"), notary.kept.read()) == ([], kept)

    await notary.run("UPDATE sijil_events SET topic = 'x' WHERE notification_id = 3")
    async with notary.signing():  # what was made before is not read again: an audit would
        assert (await notary.signed()).root == signed.root
    assert await notary.rows("SELECT * FROM tiles ORDER BY level, index") == before


async def test_tiles_that_were_made_again_of_another_history_are_removed_and_nothing_is_signed(
    notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notary.record_and_sign(300)
    await notary.record_and_sign(600)
    await notary.run(*BEHIND_300, "UPDATE sijil_events SET topic = 'x' WHERE notification_id = 400")
    before = await notary.rows("SELECT * FROM tiles ORDER BY level, index")
    monkeypatch.setattr(extension, "SLICE", 100)
    monkeypatch.setattr(standing, "COMMIT_EVERY", 0)
    for _ in range(2):
        assert (await notary.refusal()).startswith("The database's tree of 900 events is not the one that was signed: ")
        assert await notary.rows("SELECT * FROM tiles ORDER BY level, index") == before
        assert await notary.rows("SELECT size FROM checkpoints") == [(300,)]


async def test_tiles_that_were_half_made_of_a_row_that_is_right_again_are_made_once_more(
    notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notary.record_and_sign(300)
    signed = await notary.record_and_sign(600)
    before = await notary.rows("SELECT * FROM tiles ORDER BY level, index")
    ((topic,),) = await notary.rows("SELECT topic FROM sijil_events WHERE notification_id = 400")
    change = "UPDATE sijil_events SET topic = '{}' WHERE notification_id = 400"
    await make_half(notary, monkeypatch, *BEHIND_300, change.format("x"))

    await notary.run(change.format(topic))
    async with notary.signing():
        assert (await notary.signed(900)).root == signed.root
    assert await notary.rows("SELECT * FROM tiles ORDER BY level, index") == before


async def test_tiles_that_were_half_made_for_a_file_that_is_lost_do_not_stand_in_the_way(
    notary: Notary, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notary.record_and_sign(300)
    signed = await notary.record_and_sign(600)
    before = await notary.rows("SELECT * FROM tiles ORDER BY level, index")
    await make_half(notary, monkeypatch, *BEHIND_300)
    notary.kept.file.unlink()

    assert (await accept(notary.database, notary.keys, notary.kept)).size == 300
    async with notary.signing():
        assert (await notary.signed()).root == signed.root
    assert await notary.rows("SELECT * FROM tiles ORDER BY level, index") == before


@pytest.mark.parametrize("size", [300, 400])
async def test_tiles_that_were_half_made_for_a_newer_file_do_not_stand_in_the_way_of_an_older_one(
    notary: Notary, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    await notary.record_and_sign(300)
    if size > 300:
        await notary.record_and_sign(size - 300)
    older = notary.kept.file.read_bytes()
    signed = await notary.record_and_sign(900 - size)
    await make_half(notary, monkeypatch, *BEHIND_300)
    notary.kept.file.write_bytes(older)

    async with notary.signing():
        assert (await notary.signed()).root == signed.root


async def test_no_log_begins_anew_beside_tiles_that_were_signed(notary: Notary) -> None:
    await notary.record_and_sign(10)
    notary.kept.file.unlink()
    notary.key_file.unlink()
    await notary.run("DELETE FROM checkpoints")
    assert await notary.refusal() == (
        "The database has tiles of 10 events and no checkpoint, and the checkpoint file is missing: put it back. "
        "For a new log, put the tiles away, too; see docs/transparency.md."
    )
    assert await notary.rows("SELECT sum(length(hashes)) FROM tiles") == [(320,)]


async def test_a_new_log_begins_when_keys_file_tiles_and_checkpoints_are_put_away(notary: Notary) -> None:
    await notary.record_and_sign(10)
    await notary.record_and_sign(10)
    await notary.restore(10)
    notary.key_file.unlink()
    notary.kept.file.unlink()
    await notary.run("DELETE FROM tiles", "DELETE FROM checkpoints")
    async with notary.signing():
        assert (await notary.signed()).size == 10
    assert notary.outside.root == naive.mth(await notary.entries())


async def test_a_clock_that_is_behind_for_a_moment_ends_nothing(notary: Notary) -> None:
    async with notary.signing() as signer:
        await notary.record(5)
        await notary.signed()
        notary.now.advance(days=-1)
        await notary.record(5)

        async def is_told() -> bool:
            return signer.health.reason == "No log key signs at this time: set the clock right."

        await until(is_told)
        notary.now.advance(days=1)
        assert (await notary.signed()).size == 10

        async def is_well() -> bool:
            return signer.health.reason is None

        await until(is_well)
        assert signer.health.signing


async def test_a_signer_that_could_not_write_is_well_once_another_one_signs(notary: Notary) -> None:
    await notary.record(5)
    folder = notary.kept.file.with_name("folder")
    folder.mkdir(parents=True)
    broken = notary.signer(Kept(folder))
    async with background(broken.run):

        async def is_told() -> bool:
            return broken.health.reason is not None

        await until(is_told)
        async with notary.signing():
            await notary.signed()

            async def is_well() -> bool:
                return broken.health.reason is None

            await until(is_well)


async def test_a_log_that_begins_with_an_old_key_is_said_with_when_that_is_right(
    notary: Notary, caplog: pytest.LogCaptureFixture
) -> None:
    def said() -> list[tuple[int, str]]:
        every = [(record.levelno, record.getMessage()) for record in caplog.records]
        return [one for one in every if "for the first time" in one[1]]

    await notary.record_and_sign(10)
    assert said() == []
    notary.kept.file.unlink()
    await notary.run("DELETE FROM tiles", "DELETE FROM checkpoints")
    notary.now.advance(days=1)
    await notary.record_and_sign(1)
    ((level, text),) = said()
    assert level == logging.WARNING
    assert text.startswith(
        "a log of 11 events is signed for the first time: that is right after an import before the first start. If it was "
        "signed before, with keys that are there since 2026-03-01T09:00:00.000Z, "
    )


async def test_a_file_that_cannot_be_written_is_said_and_tried_again(notary: Notary) -> None:
    await notary.record(5)
    notary.kept.file.mkdir(parents=True)
    async with notary.signing() as signer:

        async def is_told() -> bool:
            return signer.health.reason == f"{notary.kept.file} cannot be used: Is a directory"

        await until(is_told)
        assert await notary.rows("SELECT * FROM checkpoints") == []
        notary.kept.file.rmdir()
        assert (await notary.signed()).size == 5
        assert signer.health.reason is None
