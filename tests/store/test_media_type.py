import io
import struct
import warnings
import zlib
from pathlib import Path

import pytest
from PIL import Image

from domain.attachment import DAMAGED
from store.media_type import MOST_PIXELS, PDF, UNKNOWN, media_type
from tests.files import PDF_FILE, jpeg, png, png_that_claims, zip_bomb


def told(folder: Path, content: bytes, name: str = "received") -> str:
    file = folder / name
    file.write_bytes(content)
    return media_type(file)


def mpo() -> bytes:
    """A JPEG with a second picture behind it, as cameras write them."""
    into = io.BytesIO()
    picture = Image.new("RGB", (8, 8))
    picture.save(into, "MPO", save_all=True, append_images=[picture])
    return into.getvalue()


@pytest.mark.parametrize(
    ("content", "type"),
    [
        (PDF_FILE, PDF),
        (PDF_FILE + b"\r\n\x00\x00", PDF),
        (jpeg(), "image/jpeg"),
        (mpo(), "image/jpeg"),
        (png(), "image/png"),
    ],
)
def test_a_pdf_a_jpeg_and_a_png_are_told_by_what_is_in_them(tmp_path: Path, content: bytes, type: str) -> None:
    assert told(tmp_path, content, "received.exe") == type


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7",
        b"%PDF-1.7\n<script>alert(1)</script>",
        b"%PDF-1.7\nstartxref\n9\n%%EOF" + b"\n" * 3000,
        PDF_FILE[:-20],
        jpeg()[:10],
        png()[:20],
        png()[:-30],
        png().replace(b"IDAT", b"IDAX"),
    ],
)
def test_what_only_begins_like_one_of_them_is_damaged(tmp_path: Path, content: bytes) -> None:
    assert told(tmp_path, content, "received.png") == DAMAGED


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n" + PDF_FILE,
        b"%PDX-1.7\nstartxref\n9\n%%EOF",
        b"GIF89a" + b"\0" * 100,
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        zip_bomb(),
    ],
)
def test_what_is_only_named_like_one_of_them_is_none(tmp_path: Path, content: bytes) -> None:
    assert told(tmp_path, content, "received.png") == UNKNOWN


def test_a_picture_that_claims_more_pixels_than_any_camera_has_is_none(tmp_path: Path) -> None:
    side = int(MOST_PIXELS**0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert told(tmp_path, png_that_claims(side, side)) == "image/png"
        assert told(tmp_path, png_that_claims(side + 1, side + 1)) == DAMAGED
        assert told(tmp_path, png_that_claims(2**31 - 1, 2**31 - 1)) == DAMAGED


def test_a_picture_with_a_bomb_in_its_text_is_none(tmp_path: Path) -> None:
    text = b"Comment\0\0" + zlib.compress(b"\0" * 50_000_000, 9)
    chunk = struct.pack(">I", len(text)) + b"zTXt" + text + struct.pack(">I", zlib.crc32(b"zTXt" + text))
    header = 8 + 25  # the signature, and the chunk with the size
    assert told(tmp_path, png()[:header] + chunk + png()[header:]) == DAMAGED
