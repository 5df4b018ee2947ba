import asyncio
import base64
import fcntl
import json
import os
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey, OKPKey
from joserfc.jws import JWSRegistry

from access.key_set import rotate_keys
from access.token import Claims, InvalidToken, TokenKeys
from store.faults import ExitStatus, Fault

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
RAJESH = UUID("00000000-0000-4000-8000-000000000002")
SESSION = UUID("00000000-0000-4000-8000-00000000000a")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "token.jwk"


@pytest.fixture
def keys(file: Path) -> TokenKeys:
    return TokenKeys.load(file, create=True)


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = (base64.urlsafe_b64decode(part + "==") for part in token.split("."))
    return json.loads(header), json.loads(claims)


def forged(header: dict[str, Any], claims: dict[str, Any], signature: bytes = b"") -> str:
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    return ".".join([*encoded, base64.urlsafe_b64encode(signature).rstrip(b"=").decode()])


def test_a_token_says_whose_it_is_and_how_long_it_holds(keys: TokenKeys) -> None:
    token = keys.issue(RAJESH, now=NOW, seconds=300)

    header, claims = parts(token)
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    assert claims == {
        "iss": "sijil.local",
        "sub": str(RAJESH),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 300,
        "jti": claims["jti"],
    }
    assert keys.verify(token, NOW) == Claims(claims["jti"], RAJESH, None, NOW, NOW + timedelta(seconds=300))


def test_an_agencys_token_names_the_agency(keys: TokenKeys) -> None:
    token = keys.issue(None, now=NOW, seconds=300, agency="border-guard")

    assert parts(token)[1]["sub"] == "agency:border-guard"
    claims = keys.verify(token, NOW)
    assert (claims.person_id, claims.agency) == (None, "border-guard")


def test_a_token_names_its_session_or_its_client(keys: TokenKeys) -> None:
    persons = keys.issue(RAJESH, now=NOW, seconds=300, session_id=SESSION)
    agencys = keys.issue(None, now=NOW, seconds=300, agency="traffic", client_id="traffic-3f9a2c")

    assert (parts(persons)[1]["sid"], parts(agencys)[1]["client_id"]) == (str(SESSION), "traffic-3f9a2c")
    found = [(claims.session_id, claims.client_id) for claims in (keys.verify(one, NOW) for one in (persons, agencys))]
    assert found == [(SESSION, None), (None, "traffic-3f9a2c")]


def test_equal_arguments_make_equal_tokens(keys: TokenKeys) -> None:
    def issue(token_id: str | None) -> str:
        return keys.issue(RAJESH, now=NOW, seconds=300, session_id=SESSION, token_id=token_id)

    assert issue("first") == issue("first")
    assert keys.verify(issue("first"), NOW).id == "first"
    assert len({issue(token_id) for token_id in ("first", "second", None, None)}) == 4


def test_a_token_is_for_a_person_or_for_an_agency(keys: TokenKeys) -> None:
    with pytest.raises(ValueError, match="a token is for a person or for an agency"):
        keys.issue(None, now=NOW, seconds=300)
    with pytest.raises(ValueError, match="a token is for a person or for an agency"):
        keys.issue(RAJESH, now=NOW, seconds=300, agency="traffic")


@pytest.mark.parametrize(("seconds", "holds"), [(-31, False), (-30, True), (0, True), (299.9, True), (300, False)])
def test_a_token_holds_from_its_issue_to_its_expiry(keys: TokenKeys, *, seconds: float, holds: bool) -> None:
    token = keys.issue(RAJESH, now=NOW, seconds=300)

    if holds:
        assert keys.verify(token, NOW + timedelta(seconds=seconds)).person_id == RAJESH
    else:
        with pytest.raises(InvalidToken):
            keys.verify(token, NOW + timedelta(seconds=seconds))


def test_a_token_of_another_key_is_refused(keys: TokenKeys, tmp_path: Path, file: Path) -> None:
    token = TokenKeys.load(tmp_path / "other.jwk", create=True).issue(RAJESH, now=NOW, seconds=300)
    own = json.loads(file.read_text())["keys"][0]["kid"]
    header, claims = parts(token)
    signature = base64.urlsafe_b64decode(token.split(".")[2] + "==")

    for claimed in (token, forged(header | {"kid": own}, claims, signature)):
        with pytest.raises(InvalidToken):
            keys.verify(claimed, NOW)


def test_a_token_of_another_installation_is_refused(keys: TokenKeys, file: Path) -> None:
    token = TokenKeys.load(file, create=False, issuer="elsewhere").issue(RAJESH, now=NOW, seconds=300)

    with pytest.raises(InvalidToken):
        keys.verify(token, NOW)


def test_a_token_without_a_signature_is_refused(keys: TokenKeys) -> None:
    header, claims = parts(keys.issue(RAJESH, now=NOW, seconds=300))

    for algorithm in ("none", "None", "EdDSA", "Ed25519"):
        with pytest.raises(InvalidToken):
            keys.verify(forged(header | {"alg": algorithm}, claims), NOW)


def test_the_public_key_is_no_shared_secret(keys: TokenKeys, file: Path) -> None:
    header, claims = parts(keys.issue(RAJESH, now=NOW, seconds=300))
    public = json.loads(file.read_text())["keys"][0]["x"]

    for secret in (public, base64.urlsafe_b64decode(public + "=")):
        token = jws.serialize_compact(
            header | {"alg": "HS256"},
            json.dumps(claims),
            OctKey.import_key(secret),
            registry=JWSRegistry(algorithms=["HS256"]),
        )
        with pytest.raises(InvalidToken):
            keys.verify(token, NOW)


def test_a_changed_token_is_refused(keys: TokenKeys) -> None:
    token = keys.issue(RAJESH, now=NOW, seconds=300)
    header, claims = parts(token)
    signature = base64.urlsafe_b64decode(token.split(".")[2] + "==")

    with pytest.raises(InvalidToken):
        keys.verify(forged(header, claims | {"sub": "agency:traffic"}, signature), NOW)


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "x" * 5000, "{}", "ق.ق.ق", "e30.e30.e30", "\0"])
def test_nonsense_is_refused(keys: TokenKeys, token: str) -> None:
    with pytest.raises(InvalidToken):
        keys.verify(token, NOW)


@pytest.mark.parametrize(
    "changed",
    [{"typ": "JWT"}, {"sub": "somebody"}, {"exp": "soon"}, {"exp": 10**30}, {"iat": None}, {"sub": None}, {"sid": 7}],
)
def test_what_we_signed_for_another_use_is_no_access_token(
    keys: TokenKeys, file: Path, changed: dict[str, Any]
) -> None:
    header, claims = parts(keys.issue(RAJESH, now=NOW, seconds=300))
    key = OKPKey.import_key(json.loads(file.read_text())["keys"][0])
    header |= {name: value for name, value in changed.items() if name == "typ"}
    claims |= {name: value for name, value in changed.items() if name != "typ"}
    token = jws.serialize_compact(header, json.dumps(claims), key, registry=keys._registry)

    with pytest.raises(InvalidToken):
        keys.verify(token, NOW)


def test_the_key_file_is_made_once_and_for_its_owner_only(file: Path) -> None:
    first = TokenKeys.load(file, create=True)
    content = file.read_bytes()
    again = TokenKeys.load(file, create=True)

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_bytes() == content
    assert os.listdir(file.parent) == ["token.jwk"]  # noqa: PTH208 (names)
    assert again.verify(first.issue(RAJESH, now=NOW, seconds=300), NOW).person_id == RAJESH


def test_the_newest_key_signs_and_the_older_ones_still_verify(file: Path, keys: TokenKeys) -> None:
    before = keys.issue(RAJESH, now=NOW, seconds=300)
    content = json.loads(file.read_text())
    newest = OKPKey.generate_key("Ed25519", auto_kid=True)
    content["keys"].append(newest.as_dict(private=True))
    file.write_text(json.dumps(content))

    both = TokenKeys.load(file, create=False)

    after = both.issue(RAJESH, now=NOW, seconds=300)
    assert parts(after)[0]["kid"] == newest.kid
    for known in (both, keys):  # the ones that were read before as well
        assert [known.verify(token, NOW).person_id for token in (before, after)] == [RAJESH, RAJESH]


# Rotation


def kids(file: Path) -> list[str]:
    return [key["kid"] for key in json.loads(file.read_text())["keys"]]


def test_a_rotation_adds_a_key_and_keeps_the_one_before(file: Path, keys: TokenKeys) -> None:
    tokens = [keys.issue(RAJESH, now=NOW, seconds=300)]
    known = kids(file)
    for _ in range(2):
        written = rotate_keys(file)
        assert written == kids(file)
        assert (written[0], stat.S_IMODE(file.stat().st_mode)) == (known[-1], 0o600)
        known.append(written[1])
        tokens.append(keys.issue(RAJESH, now=NOW, seconds=300))

    assert os.listdir(file.parent) == ["token.jwk"]  # noqa: PTH208 (names)
    assert [parts(token)[0]["kid"] for token in tokens] == known
    assert [key["kid"] for key in keys.public()["keys"]] == known[1:]
    assert [keys.verify(token, NOW).person_id for token in tokens[1:]] == [RAJESH, RAJESH]
    with pytest.raises(InvalidToken):
        keys.verify(tokens[0], NOW)


def test_a_process_that_issues_nothing_notices_a_rotation_too(file: Path, keys: TokenKeys) -> None:
    other = TokenKeys.load(file, create=False)
    old = other.issue(RAJESH, now=NOW, seconds=300)
    rotate_keys(file)
    assert keys.verify(other.issue(RAJESH, now=NOW, seconds=300), NOW).person_id == RAJESH
    rotate_keys(file)
    with pytest.raises(InvalidToken):
        keys.verify(old, NOW)


@pytest.mark.parametrize("damage", ["empty", "missing", "open"])
def test_a_file_that_is_damaged_meanwhile_is_told_once_and_the_keys_stay(
    file: Path, keys: TokenKeys, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    content, token = file.read_bytes(), keys.issue(RAJESH, now=NOW, seconds=300)
    match damage:
        case "empty":
            file.write_bytes(b"")
        case "missing":
            file.unlink()
        case "open":
            file.chmod(0o644)

    for _ in range(2):
        assert keys.verify(token, NOW).person_id == RAJESH
        assert parts(keys.issue(RAJESH, now=NOW, seconds=300))[0]["kid"] == parts(token)[0]["kid"]

    said = {"empty": "is damaged", "missing": "is missing", "open": "open to other users"}[damage]
    assert [(record.levelname, said in record.message) for record in caplog.records] == [("ERROR", True)]
    file.write_bytes(content)
    file.chmod(0o600)
    rotate_keys(file)
    assert parts(keys.issue(RAJESH, now=NOW, seconds=300))[0]["kid"] == kids(file)[1]
    assert keys.verify(token, NOW).person_id == RAJESH


def test_a_file_that_is_damaged_is_not_rotated(file: Path, keys: TokenKeys) -> None:
    del keys
    file.write_bytes(b"{}")
    with pytest.raises(Fault, match="is damaged"):
        rotate_keys(file)
    assert file.read_bytes() == b"{}"


ROTATE = """
import sys
from pathlib import Path
from access.key_set import rotate_keys
from store.faults import Fault

sys.stdin.readline()
try:
    print(*rotate_keys(Path(sys.argv[1])))
except Fault as fault:
    print(fault.exit_status)
"""


async def test_of_rotations_at_once_none_loses_a_key(file: Path, keys: TokenKeys) -> None:
    first = parts(keys.issue(RAJESH, now=NOW, seconds=300))[0]["kid"]
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", ROTATE, str(file), stdin=pipe, stdout=pipe)
        for _ in range(4)
    ]
    answers = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    written = [answer.decode().split() for answer, _ in answers]

    done = dict(pair for pair in written if pair != [str(ExitStatus.BUSY.value)])
    chain = [first]
    while chain[-1] in done:
        chain.append(done.pop(chain[-1]))
    assert (done, kids(file)) == ({}, chain[-2:])  # each went on from where the one before had ended


def test_a_rotation_beside_another_is_refused(file: Path, keys: TokenKeys) -> None:
    del keys
    content = file.read_bytes()
    with file.open("rb") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        with pytest.raises(Fault) as fault:
            rotate_keys(file)
    assert (fault.value.exit_status, file.read_bytes()) == (ExitStatus.BUSY, content)


def test_a_rotation_without_a_file_says_what_makes_one(file: Path) -> None:
    with pytest.raises(Fault, match=r"is missing: it belongs in .*; put it back, or let `sijil serve` make a new one"):
        rotate_keys(file)


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
def test_whoever_knows_the_public_keys_can_verify_a_token(file: Path, keys: TokenKeys) -> None:
    before = keys.issue(RAJESH, now=NOW, seconds=300)
    rotate_keys(file)
    after = keys.issue(RAJESH, now=NOW, seconds=300)

    published = json.loads(json.dumps(keys.public()))

    assert [sorted(key) for key in published["keys"]] == [["alg", "crv", "kid", "kty", "use", "x"]] * 2
    known = KeySet.import_key_set(published)
    for token in (before, after):
        assert jwt.decode(token, known, algorithms=["EdDSA"]).claims["sub"] == str(RAJESH)
    with pytest.raises(JoseError):
        jwt.decode(after[:-8] + "AAAAAAAA", known, algorithms=["EdDSA"])


def test_a_key_file_that_cannot_be_used_is_told_in_one_line(file: Path, tmp_path: Path) -> None:
    with pytest.raises(Fault, match=r"token key is missing: it belongs in .*token\.jwk"):
        TokenKeys.load(file, create=False)
    TokenKeys.load(file, create=True)
    file.chmod(0o640)
    with pytest.raises(Fault, match=r"open to other users \(mode 0640\): chmod 600"):
        TokenKeys.load(file, create=False)
    public = OKPKey.generate_key("Ed25519").as_dict(private=False)
    other_curve = OKPKey.generate_key("Ed448").as_dict(private=True)
    for content in (
        "",
        "{}",
        '{"keys": []}',
        '{"keys": [1]}',
        "[]",
        *(json.dumps({"keys": [key]}) for key in (public, other_curve)),
    ):
        damaged = tmp_path / "damaged.jwk"
        damaged.write_text(content)
        damaged.chmod(0o600)
        with pytest.raises(Fault, match="is damaged"):
            TokenKeys.load(damaged, create=True)
