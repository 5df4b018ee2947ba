import pytest

from domain.user import Language
from schema.negotiation import language

AR, EN = Language.AR, Language.EN


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, AR),
        ("", AR),
        ("ar-SA", AR),
        ("ar-SA-u-nu-arab, en;q=0.9", AR),
        ("EN-us", EN),
        ("en-GB,en;q=0.9,ar;q=0.8", EN),
        ("ar;q=0.7, en;q=0.8", EN),
        ("ar;q=0.8, en;q=0.8", AR),
        ("en;q=0.8, ar;q=0.8", EN),
        ("en-GB;q=0.2, ar;q=0.5, en-US", EN),
        ("fr-FR, en;q=0.001", EN),
        ("fr, de", AR),
        ("*", AR),
        ("*;q=0.5", AR),
        ("en;q=0.4, *;q=0.5", AR),
        ("en;q=0.6, *;q=0.5", EN),
        ("ar;q=0, *;q=0.5", EN),
        ("ar;q=0, en;q=0.1", EN),
        ("en;q=0, *", AR),
        ("ar;q=0, en;q=0", AR),
        ("ar;q=0", AR),
    ],
)
def test_the_language_is_the_one_that_the_client_likes_better(header: str | None, expected: Language) -> None:
    assert language(header) is expected


@pytest.mark.parametrize(
    "header",
    [
        "en;q=nan",
        "en;q=inf",
        "en;q=-1",
        "en;q=2",
        "en;q=",
        "en;q=high",
        "english",
        ";;;,,;q=1,=",
        "\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
        "ar;" * 100_000,
        f"{'fr,' * 100_000}en",
        "-en",
    ],
)
def test_what_is_no_wish_is_answered_in_arabic_however_long_it_is(header: str) -> None:
    assert language(header) is AR
