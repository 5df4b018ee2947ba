"""What a file is, as its content tells: neither its name nor what its sender says of it counts."""

import re
from pathlib import Path
from typing import Final

from PIL import Image

PDF: Final = "application/pdf"
UNKNOWN: Final = "application/octet-stream"
IMAGES: Final = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png"}
"""What Pillow calls them; MPO is a JPEG with further pictures behind it, as many cameras write them."""

MOST_PIXELS: Final = 250_000_000  # more than any camera's; a file that claims more is to exhaust who opens it
PDF_ENDS_WITHIN: Final = 2048  # bytes; after it some programs leave a little that is not theirs

Image.MAX_IMAGE_PIXELS = None  # the library only warns up to twice its limit: ours is asked below


def media_type(file: Path) -> str:
    """PDF, JPEG or PNG, else `UNKNOWN`. Reads pieces of the file; no picture is unpacked."""
    return PDF if _is_pdf(file) else _image(file) or UNKNOWN


def _is_pdf(file: Path) -> bool:
    with file.open("rb") as opened:
        if opened.read(5) != b"%PDF-":
            return False
        opened.seek(max(0, file.stat().st_size - PDF_ENDS_WITHIN))
        return re.search(rb"startxref\s+\d+\s+%%EOF", opened.read()) is not None


def _image(file: Path) -> str | None:
    try:
        with Image.open(file, formats=("JPEG", "PNG")) as image:
            kind, pixels = IMAGES.get(image.format or ""), image.width * image.height
            image.verify()
    except Exception:  # noqa: BLE001 (of what is no picture the library raises anything)
        return None
    return kind if pixels <= MOST_PIXELS else None
