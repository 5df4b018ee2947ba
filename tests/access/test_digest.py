from uuid import UUID

from access.digest import Digests

KEY = bytes(range(32))
ID = UUID("00000000-0000-4000-8000-000000000001")

digests = Digests(KEY)


def test_a_digest_is_for_ever() -> None:
    """What is stored under it has to be found again by the next version."""
    assert digests("code", ID, "123456").hex() == "4b3f035fad5f2b6b937e52635c43a74d44910c55efce96950f3cef073bfe7ae9"
    assert digests.id("session", ID) == UUID("41f42a9a-821c-4605-8682-0571a6e94995")


def test_the_same_parts_give_the_same_digest_and_text_is_its_utf_8() -> None:
    assert digests("name", "نورة") == Digests(KEY)("name", "نورة") == digests("name", "نورة".encode())
    assert digests("code", ID) == digests("code", ID.bytes)


def test_another_key_purpose_or_boundary_between_parts_gives_another_digest() -> None:
    found = [
        digests("code", "ab", "c"),
        digests("code", "a", "bc"),
        digests("code", "abc"),
        digests("code", "abc", ""),
        digests("codea", "bc"),
        digests("name", "ab", "c"),
        Digests(bytes(32))("code", "ab", "c"),
    ]
    assert len(set(found)) == len(found)
    assert {len(digest) for digest in found} == {32}


def test_half_of_a_surrogate_pair_is_a_text_like_any_other() -> None:
    assert digests("name", "\ud800") != digests("name", "\ud801")


def test_a_derived_id_is_a_uuid_of_version_4_that_tells_nothing() -> None:
    id = digests.id("session", ID)
    assert (id.version, id.variant) == (4, "specified in RFC 4122")
    assert id == Digests(KEY).id("session", ID)
    assert len({id, digests.id("challenge", ID), digests.id("session", id), Digests(bytes(32)).id("session", ID)}) == 4
