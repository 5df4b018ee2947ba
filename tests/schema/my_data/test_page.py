import base64
import hashlib
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from domain.address import NationalAddress
from domain.catalogue import VIOLATION_TYPES
from domain.text import Text
from domain.visa_terms import VisaStatus
from schema.my_data import page
from schema.my_data.document import Form
from schema.my_data.value import shown
from tests.house import RAJESH, House
from tests.schema.my_data.conftest import SCRIPT, whose, written

NOON = datetime(2026, 3, 1, 9, tzinfo=UTC)
VOID = {"meta"}
TYPE = (VIOLATION_TYPES["SEAT_BELT"].title.ar, VIOLATION_TYPES["SEAT_BELT"].title.en)


class Tags(HTMLParser):
    """Which elements there are, and that they are closed in the order in which they were opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)
        self.close()
        assert self.opened == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in VOID:
            self.opened.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.opened.pop() == tag


async def test_the_page_is_well_formed_and_has_no_scripts_links_or_images(house: House) -> None:
    text = await written(await whose(house, RAJESH), Form.HTML)
    tags = Tags(text)
    assert tags.seen & {"script", "a", "img", "link", "iframe", "object", "form", "b"} == set()
    assert [name for name in tags.attributes if name.startswith("on") or name in {"style", "src", "href"}] == []
    assert text.startswith('<!doctype html>\n<html lang="ar" dir="rtl">')
    assert text.rstrip().endswith("End of the copy</span></span></footer>\n</body>\n</html>")


async def test_what_anybody_wrote_is_escaped(house: House) -> None:
    text = await written(await whose(house, RAJESH), Form.HTML)
    assert SCRIPT not in text
    assert "&lt;script&gt;alert(&#x27;&quot;&amp;&#x27;)&lt;/script&gt;" in text
    assert "تفويض &lt;b&gt;.pdf" in text


def test_the_style_is_the_only_one_that_the_page_may_have() -> None:
    digest = base64.b64encode(hashlib.sha256(page.STYLE.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in page.CONTENT_SECURITY_POLICY
    assert not re.search(r"url\(|@import|</", page.STYLE)


@pytest.mark.parametrize(
    ("name", "value", "ar", "en"),
    [
        ("notifiedOn", date(2026, 3, 1), "12 رمضان 1447هـ الموافق 1 مارس 2026م", "1 March 2026 (12 Ramadan 1447 AH)"),
        ("paidAt", NOON, "12 رمضان 1447هـ الموافق 1 مارس 2026م، 12:00", "1 March 2026 (12 Ramadan 1447 AH), 12:00"),
        ("fine", Decimal(150), "150.00 ريال", "SAR 150.00"),
        ("settled", True, "نعم", "Yes"),
        ("status", VisaStatus.ISSUED, "سارية – لم تُستخدم", "Valid – not used"),
        ("port", Text("منفذ البطحاء", "Al Batha"), "منفذ البطحاء", "Al Batha"),
        ("typeCode", "SEAT_BELT", *TYPE),
    ],
)
def test_a_value_is_shown_in_both_languages_and_calendars(name: str, value: object, ar: str, en: str) -> None:
    found = re.fullmatch(
        r'<span class="both"><span lang="ar">(.*)</span> <span lang="en" dir="ltr">(.*)</span></span>',
        shown(name, value),
    )
    assert found
    assert found.groups() == (ar, en)


def test_parts_of_a_value_are_named_and_empty_ones_are_left_out() -> None:
    street = Text("شارع", "Street")
    address = NationalAddress("1234", street, street, street, "12345", "6789")
    text = shown("address", address)
    assert text.count('class="part"') == 6
    assert "Unit number" not in text


def test_when_a_violation_happened_stands_beside_when_that_was_recorded() -> None:
    event = {
        "position": "7",
        "title": Text("عنوان", "Title"),
        "occurredAt": NOON,
        "recordedAt": NOON,
        "actor": {"isYou": True},
        "data": {"occurredAt": NOON - timedelta(days=1)},
    }
    text = page.event_shown(event)
    assert re.findall("1 March 2026|28 February 2026|Time of the violation", text) == [
        "1 March 2026",
        "28 February 2026",
        "Time of the violation",
    ]


def test_an_event_shows_one_time_where_both_read_alike() -> None:
    event = {
        "position": "7",
        "title": Text("عنوان", "Title"),
        "occurredAt": NOON,
        "recordedAt": NOON + timedelta(seconds=3),
        "actor": {"isYou": True},
        "data": {},
    }
    assert "Happened and recorded" in page.event_shown(event)
    later = event | {"recordedAt": NOON + timedelta(days=1)}
    assert "Happened and recorded" not in page.event_shown(later)
    assert page.event_shown(later).count("<tr>") == page.event_shown(event).count("<tr>") + 1
