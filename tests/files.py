"""Files to attach: good ones, and such as are not what they seem."""

import io
import struct
import zipfile
import zlib

from PIL import Image

MB = 1024 * 1024

PDF_FILE = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
NOT_A_PDF = b"%PDF-1.4\n<html><script>alert(1)</script></html>"


def pdf(size: int) -> bytes:
    """A PDF of so many bytes."""
    return PDF_FILE[:9] + b"%" + b"." * (size - len(PDF_FILE) - 2) + b"\n" + PDF_FILE[9:]


def jpeg() -> bytes:
    return _picture("JPEG")


def png() -> bytes:
    return _picture("PNG")


def _picture(format: str) -> bytes:
    into = io.BytesIO()
    Image.new("RGB", (8, 8), "green").save(into, format)
    return into.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A small PNG that says it has so many pixels."""
    small = png()
    header = b"IHDR" + struct.pack(">II", width, height) + small[24:29]
    return small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]


def zip_bomb() -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bomb:
        bomb.writestr("zeros", b"\0" * (20 * MB))
    return into.getvalue()
