import re

from domain.titles import TITLES
from tests.domain.test_events import event_classes

ARABIC = re.compile("[ء-ي]")


def test_every_event_has_a_title_in_both_languages_and_no_other_has() -> None:
    assert TITLES.keys() == {event.__qualname__ for event in event_classes()}
    assert [title for title in TITLES.values() if not ARABIC.search(title.ar) or ARABIC.search(title.en)] == []
