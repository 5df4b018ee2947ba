import pytest
from hypothesis import given
from hypothesis import strategies as some

from domain.attachment import LONGEST_FILENAME, clean_filename


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("صورة المخالفة.png", "صورة المخالفة.png"),
        ("/home/rajesh/photo.jpg", "photo.jpg"),
        (r"C:\Users\rajesh\photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("two\r\nlines\t.pdf", "two lines .pdf"),
        ("a\x00b\x1f.pdf", "ab .pdf"),
        ("  .hidden  ", "hidden"),
        ("half \ud83d.pdf", "half .pdf"),
        ("cafe\u0301.pdf", "café.pdf"),
        ("", "file"),
        ("..", "file"),
        ("folder/", "file"),
        ("\u200f\u202e", "file"),
    ],
)
def test_a_name_is_one_readable_line_without_folders(typed: str, kept: str) -> None:
    assert clean_filename(typed) == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a" * 200 + ".pdf", "a" * 116 + ".pdf"),
        ("a" * 200, "a" * 120),
        ("a." + "b" * 200, "a." + "b" * 118),
    ],
)
def test_a_long_name_keeps_its_extension(typed: str, kept: str) -> None:
    assert clean_filename(typed) == kept


@given(some.text(some.characters(), max_size=300))
def test_a_name_is_never_empty_or_too_long_and_stays_as_it_is_once_it_is_clean(typed: str) -> None:
    kept = clean_filename(typed)
    assert 1 <= len(kept) <= LONGEST_FILENAME
    assert not {"/", "\\", "\n", "\u202e"} & set(kept)
    assert clean_filename(kept) == kept
