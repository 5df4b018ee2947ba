"""An account from outside, on a server in a process of its own: what a person does, and what is left of it."""

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from tests.end_to_end.conftest import Serving, Sijil
from tests.feeds import PEOPLE, WriteFeed

PASSWORD, CHANGED, RESET = "Absher#2026", "Mild-Winter-27", "Early-Spring-27"
OLD_MOBILE, OLD_EMAIL = "+966504010607", "noura@example.sa"
ADDRESS = """{buildingNumber: "7596", street: {ar: "شارع العليا"}, district: {ar: "العليا"}, city: {ar: "الرياض"},
    postalCode: "12331", additionalNumber: "3241"}"""


class Person:
    """Uses the API, and reads what arrives."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.token: str | None = None
        self.codes: list[str] = []

    def send(self, field: str, *, purpose: str | None = None) -> dict[str, Any]:
        """A mutation of one field, written without its problems; what it answered."""
        headers = {"Accept-Language": "en"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if purpose:
            headers["Purpose"] = purpose
        body = {"query": f"mutation {{ {field[:-1]} problems {{ code }} }} }}"}
        answer = httpx.post(f"{self.url}/graphql", json=body, headers=headers, timeout=30).json()
        assert "errors" not in answer, answer
        (found,) = answer["data"].values()
        shown: dict[str, Any] = found
        return shown

    def done(self, field: str, **more: Any) -> dict[str, Any]:
        answer = self.send(field, **more)
        assert answer["problems"] == [], answer
        return answer

    def messages(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.url}/outbox", headers={"Accept": "application/json"}).json()
        found: list[dict[str, Any]] = answer["messages"]
        return found

    def code(self) -> str:
        """The code that has arrived last."""
        found = next(code[0] for one in self.messages() if (code := re.search(r"[0-9]{6}", one["text"])))
        self.codes.append(found)
        return found

    def sign_in(self, password: str, name: str = "noura") -> None:
        challenge = self.done(f'signIn(input: {{username: "{name}", password: "{password}"}}) {{ challenge {{ id }} }}')
        confirmed = self.done(
            f'confirmSignIn(input: {{challengeId: "{challenge["challenge"]["id"]}", code: "{self.code()}"}}) '
            "{ session { accessToken } }"
        )
        self.token = confirmed["session"]["accessToken"]

    def confirm(self, challenge: dict[str, Any], shows: str = "user { username } challenge { id }") -> dict[str, Any]:
        id = challenge["challenge"]["id"]
        return self.done(f'confirmChange(input: {{challengeId: "{id}", code: "{self.code()}"}}) {{ {shows} }}')


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """On an embedded PostgreSQL, so that everything that is left is in one folder."""
    return environment | {"DATABASE_URL": "", "SIJIL_LOG_LEVEL": "debug"}


def files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def test_noura_signs_in_changes_all_four_is_locked_out_and_unlocked_and_resets_her_password(
    serve: Callable[..., Serving], sijil: Sijil, environment: dict[str, str], write_feed: WriteFeed
) -> None:
    people = [dict(line) for line in PEOPLE]
    for line in people:
        if line["op"] == "registerUser":
            line["input"] = line["input"] | {"initialPassword": PASSWORD}
    assert sijil("import", write_feed(*people), "--backdate").returncode == 0
    server = serve("serve")
    url = server.until_ready()
    noura, hind = Person(url), Person(url)
    noura.sign_in(PASSWORD)

    noura.confirm(
        noura.done(
            f'changePassword(input: {{currentPassword: "{PASSWORD}", newPassword: "{CHANGED}"}}) {{ challenge {{ id }} }}'
        )
    )
    second = noura.confirm(noura.done('changeEmail(input: {email: "new@example.sa"}) { challenge { id } }'))
    assert noura.confirm(second, "user { email }")["user"] == {"email": "new@example.sa"}

    # The server dies between the question and the code.
    asked = noura.done('changeMobile(input: {mobile: "0555555555"}) { challenge { id } }')
    server.stop(signal.SIGKILL)
    server_again = serve("serve")
    noura.url = hind.url = server_again.until_ready()
    assert noura.confirm(noura.confirm(asked), "user { mobile }")["user"] == {"mobile": "+966555555555"}
    changed = noura.confirm(
        noura.done(f"changeAddress(input: {{address: {ADDRESS}}}) {{ challenge {{ id }} }}"),
        "user { address { city { text } } }",
    )
    assert changed["user"] == {"address": {"city": {"text": "الرياض"}}}
    told = {(one["kind"], one["to"]) for one in noura.messages() if one["kind"].endswith("_CHANGED")}
    assert told == {
        ("PASSWORD_CHANGED", OLD_MOBILE),
        ("PASSWORD_CHANGED", OLD_EMAIL),
        ("EMAIL_CHANGED", OLD_MOBILE),
        ("EMAIL_CHANGED", OLD_EMAIL),
        ("MOBILE_CHANGED", OLD_MOBILE),
        ("MOBILE_CHANGED", "new@example.sa"),
        ("ADDRESS_CHANGED", "+966555555555"),
        ("ADDRESS_CHANGED", "new@example.sa"),
    }

    wrong = 'signIn(input: {username: "noura", password: "Wrong-Guess-1"}) { challenge { id } }'
    answers = [[problem["code"] for problem in noura.send(wrong)["problems"]] for _ in range(6)]
    assert answers == [*([["BAD_CREDENTIALS"]] * 4), ["BAD_CREDENTIALS", "ACCOUNT_LOCKED"], ["ACCOUNT_LOCKED"]]
    hind.sign_in(PASSWORD, "hind")
    unlocked = hind.done('unlockAccount(input: {nationalId: "1004010607"}) { person { status } }', purpose="SUPPORT")
    assert unlocked["person"] == {"status": "ACTIVE"}
    noura.sign_in(CHANGED)

    asked = noura.done(
        'requestPasswordReset(input: {nationalId: "1004010607", mobile: "0555555555"}) { challenge { id } }'
    )
    id = asked["challenge"]["id"]
    noura.done(
        f'confirmPasswordReset(input: {{challengeId: "{id}", code: "{noura.code()}", newPassword: "{RESET}"}}) {{ __typename }}'
    )
    noura.token = None
    noura.sign_in(RESET)

    assert server_again.stop() == 0
    assert_nothing_secret_is_left(
        Path(environment["SIJIL_DATA_DIR"]), server.printed + server_again.printed, [*noura.codes, *hind.codes]
    )


def assert_nothing_secret_is_left(folder: Path, printed: str, codes: list[str]) -> None:
    """No password and no code in any file of the database, its log and the server's, at the most talkative level."""
    secrets = [PASSWORD, CHANGED, RESET, "Wrong-Guess-1"]
    assert len(codes) == 11
    for path, content in [*files(folder), (Path("printed"), printed.encode())]:
        found = [secret for secret in secrets if secret.encode() in content]
        assert not found, path
        text = content if path.suffix == ".log" or path.name in {"printed", "log"} else b""
        found = [code for code in codes if re.search(rf"(?<![0-9.]){code}(?![0-9])".encode(), text)]
        assert not found, path


def test_a_person_without_a_session_is_told_in_the_language_of_the_request(
    serve: Callable[..., Serving],
) -> None:
    url = serve("serve").until_ready()
    body = {"query": 'mutation { changeEmail(input: {email: "a@b.sa"}) { problems { code } } }'}
    answer = httpx.post(f"{url}/graphql", json=body).json()
    assert answer["errors"][0]["message"] == "يجب تسجيل الدخول"
    assert answer["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}


def test_a_database_that_goes_away_in_the_middle_of_signing_in_is_an_error_with_a_reference(
    serve: Callable[..., Serving], environment: dict[str, str], database_url: str
) -> None:
    environment["DATABASE_URL"] = database_url
    url = serve("serve", DATABASE_URL=database_url).until_ready()
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE sign_ins RENAME TO away")
        body = {"query": 'mutation { signIn(input: {username: "noura", password: "x"}) { problems { code } } }'}
        answer = httpx.post(f"{url}/graphql", json=body).json()
        assert answer["data"] == {"signIn": None}
        assert answer["errors"][0]["extensions"]["code"] == "INTERNAL"
        assert "sign_ins" not in str(answer)
