import asyncio
from uuid import UUID, uuid4

import pytest

from store.codec import PersonErased
from store.database import Database
from store.faults import Fault
from store.keyring import Keyring
from store.keys import Keys

PERSON = UUID("22222222-2222-4222-8222-222222222222")
OTHER = UUID("33333333-3333-4333-8333-333333333333")


async def record(database: Database, person: UUID, wrapped: bytes) -> None:
    async with database.pool.connection() as connection:
        await connection.execute("INSERT INTO person_keys VALUES (%s, %s)", (person, wrapped))


async def test_a_recorded_key_is_found_by_another_keyring(database: Database, keys: Keys) -> None:
    key, wrapped = Keyring(database, keys).create(PERSON)
    await record(database, PERSON, wrapped)

    assert await Keyring(database, keys).load([PERSON, OTHER]) == {PERSON: key}


async def test_each_person_has_a_random_key_that_is_not_stored_in_plain(keyring: Keyring) -> None:
    key, wrapped = keyring.create(PERSON)
    other, _ = keyring.create(PERSON)

    assert len(key) == 32
    assert key != other
    assert key not in wrapped


async def test_who_had_no_key_is_asked_for_again(database: Database, keyring: Keyring) -> None:
    before = await keyring.load([PERSON])
    key, wrapped = keyring.create(PERSON)
    await record(database, PERSON, wrapped)

    assert (before, await keyring.load([PERSON])) == ({}, {PERSON: key})


async def test_the_keys_read_last_are_kept_and_no_more(database: Database, keys: Keys) -> None:
    keyring = Keyring(database, keys, size=2)
    people = [uuid4() for _ in range(3)]
    made = {}
    for person in people:
        made[person], wrapped = keyring.create(person)
        await record(database, person, wrapped)

    assert await keyring.load(people) == made
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys")
    assert len(await keyring.load(people)) == 2


async def test_a_forgotten_key_is_read_anew(keyring: Keyring) -> None:
    key, _ = keyring.create(PERSON)
    keyring.keep({PERSON: key})

    keyring.forget(PERSON)

    assert await keyring.load([PERSON]) == {}


async def test_no_key_is_kept_for_longer_than_ten_minutes(database: Database, keys: Keys) -> None:
    seconds = 1_000.0
    keyring = Keyring(database, keys, clock=lambda: seconds)
    key, _ = keyring.create(PERSON)
    keyring.keep({PERSON: key})

    seconds += 599
    assert await keyring.load([PERSON]) == {PERSON: key}  # asked for again, it is kept no longer for that
    seconds += 1
    assert await keyring.load([PERSON]) == {}


async def test_who_is_announced_as_erased_is_forgotten_and_everybody_when_some_may_be_missed(keyring: Keyring) -> None:
    kept = {person: keyring.create(person)[0] for person in (PERSON, OTHER)}
    keyring.keep(kept)

    keyring.hear([str(PERSON)])
    assert await keyring.load(kept) == {OTHER: kept[OTHER]}
    keyring.hear([])
    assert await keyring.load(kept) == {}


async def test_a_key_that_was_read_before_its_person_was_erased_is_not_kept_afterwards(
    database: Database, keyring: Keyring
) -> None:
    key, wrapped = keyring.create(PERSON)
    await record(database, PERSON, wrapped)
    async with await database.connect() as connection, connection.transaction():
        await connection.execute("LOCK TABLE person_keys")  # the answer waits for this
        loading = asyncio.create_task(keyring.load([PERSON]))
        await asyncio.sleep(0.2)
        keyring.hear([str(PERSON)])
    assert await loading == {PERSON: key}

    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys")
    assert await keyring.load([PERSON]) == {}


async def test_a_key_under_another_master_key_is_a_fault(database: Database, keys: Keys) -> None:
    _, wrapped = Keyring(database, Keys.following(b"x" * 32)).create(PERSON)
    await record(database, PERSON, wrapped)

    with pytest.raises(Fault, match="another master key"):
        await Keyring(database, keys).load([PERSON])


async def test_a_key_in_another_persons_row_is_a_fault(database: Database, keyring: Keyring) -> None:
    _, wrapped = keyring.create(PERSON)
    await record(database, OTHER, wrapped)

    with pytest.raises(Fault, match="was changed"):
        await keyring.load([OTHER])


async def test_a_key_that_was_cut_short_is_a_fault(database: Database, keyring: Keyring) -> None:
    _, wrapped = keyring.create(PERSON)
    await record(database, PERSON, wrapped[:12])

    with pytest.raises(Fault, match="was changed"):
        await keyring.load([PERSON])


# What is sealed under a person's key


@pytest.fixture
async def people(database: Database, keyring: Keyring) -> None:
    """Two people with keys."""
    for person in (PERSON, OTHER):
        _, wrapped = keyring.create(person)
        await record(database, person, wrapped)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("plain", [b"", b"new@example.sa", bytes(100_000)])
async def test_what_is_sealed_another_keyring_opens(
    database: Database, keys: Keys, keyring: Keyring, plain: bytes
) -> None:
    box = await keyring.seal(PERSON, plain, bound=b"challenge 1")

    assert await Keyring(database, keys).open(PERSON, box, bound=b"challenge 1") == plain


@pytest.mark.usefixtures("people")
async def test_a_box_shows_nothing_of_its_content_and_no_two_are_alike(keyring: Keyring) -> None:
    one, two = [await keyring.seal(PERSON, b"new@example.sa", bound=b"") for _ in range(2)]

    assert one != two
    assert b"example" not in one + two


@pytest.mark.usefixtures("people")
async def test_a_box_opens_only_for_its_person_and_with_what_it_is_bound_to(keyring: Keyring) -> None:
    box = await keyring.seal(PERSON, b"new@example.sa", bound=b"challenge 1")

    for person, bound in ((PERSON, b"challenge 2"), (PERSON, b""), (OTHER, b"challenge 1")):
        with pytest.raises(Fault, match="was changed in the database") as fault:
            await keyring.open(person, box, bound=bound)
        assert "example" not in fault.value.message


@pytest.mark.usefixtures("people")
async def test_a_box_that_was_tampered_with_is_a_fault(keyring: Keyring) -> None:
    box = await keyring.seal(PERSON, b"new@example.sa", bound=b"challenge 1")

    changed = [box[:place] + bytes([box[place] ^ 1]) + box[place + 1 :] for place in (0, 12, len(box) - 1)]
    for other in (*changed, box[:-1], box + b"\0", box[:20], box[:5], b""):
        with pytest.raises(Fault, match="was changed in the database"):
            await keyring.open(PERSON, other, bound=b"challenge 1")


@pytest.mark.usefixtures("people")
async def test_what_is_sealed_for_somebody_is_gone_with_their_key(database: Database, keyring: Keyring) -> None:
    box = await keyring.seal(PERSON, b"new@example.sa", bound=b"challenge 1")
    async with database.pool.connection() as connection:
        await connection.execute("DELETE FROM person_keys WHERE person_id = %s", (PERSON,))
    keyring.forget(PERSON)

    assert await keyring.open(PERSON, box, bound=b"challenge 1") is None
    with pytest.raises(PersonErased):
        await keyring.seal(PERSON, b"new@example.sa", bound=b"challenge 1")
