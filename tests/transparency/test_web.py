import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette

from tests.transparency import naive
from tests.transparency.conftest import Notary
from tests.transparency.keys import ORIGIN
from transparency import mirror, tile
from transparency.admission import AT_ONCE, MOST_NETWORKS, MOST_OF_ONE, MOST_WAITING, Admission, TooMany
from transparency.checkpoint import verify
from transparency.key import rotate_log_keys
from transparency.note import Verifier
from transparency.tile import Tile
from transparency.web import LogWeb

FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture
def web(notary: Notary) -> Starlette:
    return Starlette(routes=[*LogWeb(notary.database.pool, notary.keys).routes])


def client_of(web: Starlette, address: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=web, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://sijil/log/")


@pytest.fixture
async def client(web: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(web) as client:
        yield client


async def test_a_mirror_finds_every_entry_in_the_tree_that_was_signed_with_nothing_but_the_key(
    notary: Notary, client: httpx.AsyncClient
) -> None:
    await notary.record_and_sign(700)

    trusted = [Verifier.parse((await client.get("key")).text)]
    checkpoint = verify((await client.get("checkpoint")).text, trusted)
    entries: list[bytes] = []
    while len(entries) < checkpoint.size:
        width = min(256, checkpoint.size - len(entries))
        partial = "" if width == 256 else f".p/{width}"
        bundle = (await client.get(f"tile/entries/{len(entries) // 256:03}{partial}")).content
        while bundle:
            size = int.from_bytes(bundle[:2], "big")
            entries.append(bundle[2 : 2 + size])
            bundle = bundle[2 + size :]
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 700, naive.mth(entries))
    assert entries == await notary.entries()


async def test_a_client_proves_what_it_wants_with_the_tiles_that_it_fetches(
    notary: Notary, client: httpx.AsyncClient
) -> None:
    await notary.record_and_sign(700)
    entries = await notary.entries()

    async def fetch(tiles: object) -> dict[Tile, bytes]:
        assert isinstance(tiles, set)
        return {one: (await client.get(one.path)).content for one in tiles}

    assert await tile.root(fetch, 700) == naive.mth(entries)
    assert await tile.inclusion_proof(fetch, 300, 700) == naive.path(300, entries)
    assert await tile.consistency_proof(fetch, 300, 700) == naive.proof(300, entries)


async def test_tiles_are_for_ever_and_checkpoints_for_a_moment(notary: Notary, client: httpx.AsyncClient) -> None:
    await notary.record_and_sign(300)
    for path in ("tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/44"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_EVER)
        assert answer.headers["content-type"] == "application/octet-stream"
    assert len((await client.get("tile/0/000")).content) == 8_192
    answer = await client.get("checkpoint")
    assert answer.headers["cache-control"] == "public, max-age=1"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert (await client.head("tile/0/000")).headers["content-length"] == "8192"


async def test_a_partial_tile_of_every_earlier_size_is_the_beginning_of_the_present_one(
    notary: Notary, client: httpx.AsyncClient
) -> None:
    await notary.record_and_sign(300)
    whole = (await client.get("tile/0/000")).content
    bundle = (await client.get("tile/entries/000")).content
    for width in (1, 7, 255):
        assert (await client.get(f"tile/0/000.p/{width}")).content == whole[: 32 * width]
        assert (await client.get(f"tile/entries/000.p/{width}")).content == bundle[: 34 * width]


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/0/002.p/1",
        "tile/1/000",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/entries/001",
        "tile/entries/001.p/45",
        "tile/0/x999/x999/x999/x999/x999/999",
    ],
)
async def test_nothing_beyond_the_checkpoint_is_served(notary: Notary, client: httpx.AsyncClient, path: str) -> None:
    await notary.record_and_sign(300)
    await notary.record(300)  # not signed yet
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/0/0000",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/1000",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/%D9%A0%D9%A0%D9%A0",
        "tile/0/000%0A",
        "tile/entry/000",
        "tile/0/x000/x000/x000/x000/x000/x000/000",
        "tile/",
        "tile/data/000",
    ],
)
async def test_there_is_one_way_to_write_a_path(notary: Notary, client: httpx.AsyncClient, path: str) -> None:
    await notary.record_and_sign(300)
    assert (await client.get(path)).status_code == 404


async def test_before_the_first_checkpoint_there_is_nothing(client: httpx.AsyncClient) -> None:
    for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
        assert (await client.get(path)).status_code == 404
    assert (await client.get("key")).status_code == 200


async def test_an_event_that_was_changed_or_removed_shows_in_its_bundle(
    notary: Notary, client: httpx.AsyncClient
) -> None:
    await notary.record_and_sign(300)
    leaves = (await client.get("tile/0/000")).content
    await notary.run("UPDATE sijil_events SET state = 'x' WHERE notification_id = 8")
    bundle = (await client.get("tile/entries/000")).content
    found = [hashlib.sha256(b"\x00" + bundle[34 * at + 2 : 34 * (at + 1)]).digest() for at in range(256)]
    assert [at for at in range(256) if found[at] != leaves[32 * at : 32 * (at + 1)]] == [7]

    await notary.run("DELETE FROM sijil_events WHERE notification_id = 8")
    answer = await client.get("tile/entries/000")
    assert (answer.status_code, answer.text) == (500, "The event at position 8 is missing from the record\n")
    assert (await client.get("tile/entries/001.p/44")).status_code == 200


async def test_what_the_log_has_lost_is_not_served_as_if_that_were_all(
    notary: Notary, client: httpx.AsyncClient
) -> None:
    await notary.record_and_sign(300)
    await notary.run(
        "DELETE FROM sijil_events WHERE notification_id > 297",
        "UPDATE tiles SET hashes = substr(hashes, 1, 64) WHERE (level, index) = (0, 1)",
        "DELETE FROM tiles WHERE level = 1",
    )
    for path, says in (
        ("tile/entries/001.p/44", "The event at position 298 is missing from the record\n"),
        ("tile/0/001.p/44", "Tile/0/001.p/44 is missing or too short\n"),
        ("tile/1/000.p/1", "Tile/1/000.p/1 is missing or too short\n"),
    ):
        answer = await client.get(path)
        assert (answer.status_code, answer.text, answer.headers["cache-control"]) == (500, says, "no-store")
    assert (await client.get("tile/entries/001.p/41")).status_code == 200


async def test_who_asks_for_what_is_damaged_does_not_fill_the_servers_log(
    notary: Notary, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await notary.record_and_sign(300)
    await notary.run("DELETE FROM sijil_events WHERE notification_id = 8", "DELETE FROM tiles WHERE level = 1")
    said = [
        "a part of the log cannot be served: the event at position 8 is missing from the record",
        "a part of the log cannot be served: tile/1/000.p/1 is missing or too short",
    ]
    for path in ("tile/entries/000", "tile/entries/000", "tile/entries/000.p/20", "tile/1/000.p/1"):
        assert (await client.get(path)).status_code == 500
    assert [record.getMessage() for record in caplog.records] == said[:1]
    monkeypatch.setattr("transparency.web.TOLD_EVERY", 0)
    await client.get("tile/1/000.p/1")
    assert [record.getMessage() for record in caplog.records] == said


async def test_all_keys_are_published_with_their_times(notary: Notary, client: httpx.AsyncClient) -> None:
    old = notary.keys.keys.present
    notary.now.advance(days=1)
    new = rotate_log_keys(
        notary.key_file, origin=ORIGIN, now=notary.now(), random_bytes=os.urandom, overlap=timedelta(days=30)
    ).present
    assert (await client.get("keys")).json() == {
        "origin": ORIGIN,
        "keys": [
            {"key": str(old), "from": "2026-03-01T09:00:00.000Z", "until": "2026-04-01T09:00:00.000Z"},
            {"key": str(new), "from": "2026-03-02T09:00:00.000Z", "until": None},
        ],
    }
    assert (await client.get("key")).text == f"{new}\n"


async def test_a_flood_of_requests_for_entries_is_told_to_come_back_and_keeps_nobody_else_out(
    notary: Notary, web: Starlette
) -> None:
    await notary.record_and_sign(300)
    async with AsyncExitStack() as opened, await notary.database.connect() as holding:
        flooding, honest = [await opened.enter_async_context(client_of(web, f"10.0.0.{last}")) for last in (1, 2)]
        async with holding.transaction():
            await holding.execute("LOCK TABLE sijil_events")  # who is let in waits
            asked = [asyncio.create_task(flooding.get("tile/entries/000")) for _ in range(MOST_OF_ONE + 5)]
            done, waiting = await asyncio.wait(asked, timeout=1)
            refused = done.pop().result()
            assert (len(done) + 1, len(waiting)) == (5, MOST_OF_ONE)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            assert refused.text == "Too many entries are asked for at once: try again in 1 s.\n"
            assert refused.headers["cache-control"] == "no-store"
            assert (await flooding.get("tile/0/000")).status_code == 200
            pool = notary.database.pool.get_stats()
            assert pool["pool_size"] - pool["pool_available"] == AT_ONCE
            other = asyncio.create_task(honest.get("tile/entries/000"))
        answers = await asyncio.gather(*waiting, other)
        assert [answer.status_code for answer in answers] == [200] * (MOST_OF_ONE + 1)
        assert (await flooding.get("tile/entries/000")).status_code == 200


async def let_in(admission: Admission, waiting: AsyncExitStack, addresses: Iterable[str]) -> int:
    """How many requests, one of each of these addresses, are let in; they stay."""

    async def ask(address: str) -> None:
        async with admission.admitted(address):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(ask(address)) for address in addresses]
    await asyncio.sleep(0)
    for task in tasks:
        waiting.callback(task.cancel)
    return sum(not task.done() or not isinstance(task.exception(), TooMany) for task in tasks)


async def test_the_addresses_of_one_customer_count_as_one() -> None:
    admission = Admission()
    async with AsyncExitStack() as waiting:
        assert await let_in(admission, waiting, [f"2001:db8:1:1::{last:x}" for last in range(64)]) == MOST_OF_ONE
        assert await let_in(admission, waiting, ["2001:db8:1:2::1", "10.0.0.1", "10.0.0.1"]) == 3


async def test_networks_that_fill_the_queue_keep_no_other_one_out_and_get_no_more_themselves() -> None:
    admission = Admission()
    flooding = [f"10.0.0.{last}" for last in range(MOST_WAITING // MOST_OF_ONE)]
    async with AsyncExitStack() as waiting:
        assert await let_in(admission, waiting, flooding * (MOST_OF_ONE + 1)) == MOST_WAITING
        assert await let_in(admission, waiting, [*flooding, "10.0.1.1", "10.0.1.1", "10.0.1.2"]) == 2


async def test_so_many_networks_wait_at_most_and_those_that_are_served_make_room() -> None:
    admission = Admission()
    networks = [f"10.0.{number // 256}.{number % 256}" for number in range(MOST_NETWORKS + 5)]
    for _ in range(2):
        async with AsyncExitStack() as waiting:
            assert await let_in(admission, waiting, networks) == MOST_NETWORKS
        await asyncio.sleep(0)
    async with admission.admitted(networks[-1]):
        pass


def test_a_mirror_and_another_one_behind_the_same_address_do_not_run_into_the_bound() -> None:
    assert 2 * mirror.AT_ONCE <= MOST_OF_ONE
