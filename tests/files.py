"""Files to attach: good ones, such as are not what they seem, and the requests that send them."""

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterable
from typing import Any

from PIL import Image

MB = 1024 * 1024

PDF_FILE = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n"
NOT_A_PDF = b"%PDF-1.4\n<html><script>alert(1)</script></html>"


def pdf(size: int) -> bytes:
    """A PDF of so many bytes."""
    for length in range(size - len(PDF_FILE) - 10, size):
        head = PDF_FILE[:9] + b"%" + b"." * length + b"\n"
        whole = head + PDF_FILE[9:].replace(b"startxref\n9\n", f"startxref\n{len(head)}\n".encode())
        if len(whole) == size:
            return whole
    raise ValueError(size)


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


# Requests

FORM = {"Content-Type": "multipart/form-data; boundary=limit"}
Part = tuple[str, str | None, bytes]
"""Name, file name and content."""


def form(*parts: Part) -> bytes:
    """A body of parts."""
    return b"".join(map(part, parts)) + b"--limit--\r\n"


def part(of: Part) -> bytes:
    name, filename, content = of
    shown = "" if filename is None else f'; filename="{filename}"'
    return f'--limit\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'.encode() + content + b"\r\n"


def with_files(query: str, variables: dict[str, Any], files: Iterable[tuple[str, str, bytes]]) -> bytes:
    """A request with files, each with its path in the variables and its name."""
    files = list(files)
    paths = {str(number): [f"variables.{path}"] for number, (path, _, _) in enumerate(files)}
    return form(
        ("operations", None, json.dumps({"query": query, "variables": variables}).encode()),
        ("map", None, json.dumps(paths).encode()),
        *((str(number), name, content) for number, (_, name, content) in enumerate(files)),
    )
