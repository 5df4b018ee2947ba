"""What a file is, as its content tells: neither its name nor what its sender says of it counts."""

import re
from pathlib import Path
from typing import Final

from PIL import Image

from domain.attachment import DAMAGED

PDF: Final = "application/pdf"
UNKNOWN: Final = "application/octet-stream"
IMAGES: Final = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}
"""What Pillow calls them; MPO is a JPEG with further pictures behind it, as many cameras write them."""

BEGINNINGS: Final = (b"%PDF-", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
LONGEST_BEGINNING: Final = 8  # bytes
MOST_PIXELS: Final = 64_000_000  # unpacked 192 MB; a file of 5 MB that claims more is to exhaust who opens it
PDF_ENDS_WITHIN: Final = 2048  # bytes; after it some programs leave a little that is not theirs

Image.MAX_IMAGE_PIXELS = None  # the library only warns up to twice its limit: ours is asked below


def media_type(file: Path) -> str:
    """PDF, JPEG or PNG; `DAMAGED` for what only begins like one, else `UNKNOWN`. Reads pieces of the file; no picture is unpacked."""
    if _is_pdf(file):
        return PDF
    return _image(file) or (DAMAGED if _begins_like_one(file) else UNKNOWN)


def _begins_like_one(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(LONGEST_BEGINNING).startswith(BEGINNINGS)


def _is_pdf(file: Path) -> bool:
    with file.open("rb") as opened:
        if not re.fullmatch(rb"%PDF-\d\.\d\s", opened.read(9)):
            return False
        opened.seek(max(0, file.stat().st_size - PDF_ENDS_WITHIN))
        end = re.search(rb"startxref\s+(\d{1,10})\s+%%EOF", opened.read())
        if end is None:
            return False
        opened.seek(int(end[1]))
        return re.match(rb"\s*(xref\s|\d+\s+\d+\s+obj\b)", opened.read(64)) is not None  # a table, or a stream of one


def _image(file: Path) -> str | None:
    try:
        with Image.open(file, formats=("JPEG", "PNG")) as image:
            kind, pixels = IMAGES.get(image.format or ""), image.width * image.height
            image.verify()
    except Exception:  # noqa: BLE001 (of what is no picture the library raises anything)
        return None
    return kind if pixels <= MOST_PIXELS else None
