from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from access.link import SECONDS, DataLink, Link, LinkExpired
from access.reader import Purpose
from access.token import InvalidToken, TokenKeys

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
LINK = Link(
    violation=UUID(int=1),
    file=UUID(int=2),
    reader=UUID(int=3),
    session=UUID(int=4),
    purpose=Purpose.CASE_REVIEW,
    case_reference="ق-17",
)


@pytest.fixture
def keys(tmp_path: Path) -> TokenKeys:
    return TokenKeys.load(tmp_path / "token.jwk", create=True)


@pytest.mark.parametrize("link", [LINK, replace(LINK, session=None, purpose=None, case_reference=None)])
def test_a_link_says_what_it_was_signed_for(keys: TokenKeys, link: Link) -> None:
    assert Link.read(link.signed(keys, now=NOW), keys, now=NOW) == link


def test_a_link_is_good_for_ten_minutes(keys: TokenKeys) -> None:
    token = LINK.signed(keys, now=NOW)
    assert SECONDS == 600
    assert Link.read(token, keys, now=NOW + timedelta(seconds=599.9)) == LINK
    with pytest.raises(LinkExpired):
        Link.read(token, keys, now=NOW + timedelta(seconds=600))


def test_a_link_is_no_access_token_and_an_access_token_no_link(keys: TokenKeys) -> None:
    with pytest.raises(InvalidToken):
        keys.verify(LINK.signed(keys, now=NOW), NOW)
    with pytest.raises(InvalidToken):
        Link.read(keys.issue(LINK.reader, now=NOW, seconds=300, session_id=LINK.session), keys, now=NOW)


def test_a_link_of_another_installation_or_a_changed_one_is_none(keys: TokenKeys, tmp_path: Path) -> None:
    token = LINK.signed(keys, now=NOW)
    other = LINK.signed(TokenKeys.load(tmp_path / "other.jwk", create=True), now=NOW)
    elsewhere = LINK.signed(TokenKeys.load(tmp_path / "token.jwk", create=False, issuer="elsewhere"), now=NOW)
    head, body, signature = token.split(".")
    swapped = LINK.signed(keys, now=NOW + timedelta(hours=1)).split(".")[1]
    forged = ["", "a.b.c", f"{head}.{body}.", f"{head}.{swapped}.{signature}", token[:-12] + "A" * 12, "ق", token * 20]
    for one in (other, elsewhere, *forged):
        with pytest.raises(InvalidToken) as invalid:
            Link.read(one, keys, now=NOW)
        assert invalid.type is InvalidToken


def test_links_of_one_kind_are_none_of_another(keys: TokenKeys) -> None:
    data = DataLink(reader=LINK.reader, session=LINK.session)
    assert DataLink.read(data.signed(keys, now=NOW), keys, now=NOW) == data
    for kind, other in ((Link, data), (DataLink, LINK)):
        with pytest.raises(InvalidToken):
            kind.read(other.signed(keys, now=NOW), keys, now=NOW)
