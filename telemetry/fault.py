"""What a log may hold of a fault: where it happened and of what kind it is, but no row that PostgreSQL quotes in it."""

import traceback
from textwrap import indent
from typing import Final

import psycopg

BECAUSE: Final = "\nThe above exception was the direct cause of the following exception:\n\n"
MEANWHILE: Final = "\nDuring handling of the above exception, another exception occurred:\n\n"


def traceback_of(fault: BaseException) -> str:
    """A fault and those before it as Python prints them, without the words of those that are PostgreSQL's."""
    text, one, seen = "", fault, {id(fault)}
    while True:
        text = _alone(one) + text
        link, before = (BECAUSE, one.__cause__) if one.__cause__ else (MEANWHILE, one.__context__)
        if before is None or id(before) in seen or (link is MEANWHILE and one.__suppress_context__):
            return text.rstrip("\n")
        text, one = link + text, before
        seen.add(id(one))


def _alone(fault: BaseException) -> str:
    frames = traceback.format_tb(fault.__traceback__)
    text = "".join([*(["Traceback (most recent call last):\n"] if frames else []), *frames, *_words(fault)])
    within = fault.exceptions if isinstance(fault, BaseExceptionGroup) else ()
    return text + "".join(indent(f"{traceback_of(one)}\n", "  ") for one in within)


def _words(fault: BaseException) -> list[str]:
    if isinstance(fault, psycopg.Error):
        return [f"{type(fault).__module__}.{type(fault).__qualname__}\n"]
    return traceback.format_exception_only(fault)
