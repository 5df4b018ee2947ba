"""What `sijil verify receipt` says in words."""

import msgspec

from cli.audit.receipt import words
from store.codec import Box, commitment
from tests.transparency.test_receipt import BOX, ROW, STATE, TRUSTED, receipt
from transparency.receipt import preimage, verify_receipt


def said(statement: str | None) -> list[str]:
    """The lines for a receipt with this statement; None: it is sealed."""
    values = msgspec.json.encode({"statement": statement})
    box = Box(BOX.salt, msgspec.Raw(values))
    assert STATE.personal is not None
    personal = msgspec.structs.replace(STATE.personal, hash=commitment(box.salt, values))
    row = ROW._replace(state=msgspec.json.encode(msgspec.structs.replace(STATE, personal=personal)))
    return list(words(verify_receipt(receipt(preimage(row, box if statement else None), row), TRUSTED)))


def test_what_is_proven_is_said_in_both_languages_with_the_values() -> None:
    assert said("لم أكن أقود السيارة") == [
        "PROVEN: Objection submitted.",
        (
            "Number 5 of the log sijil.local/log, before the log signed its checkpoint of 13 entries. The log says: filed on "
            "2026-03-01 12:00:00 (Riyadh). Unchanged since, with this text:"
        ),
        "ثابت: تقديم الاعتراض.",
        (
            "الرقم 5 في السجل sijil.local/log، قبل أن يوقّع السجل بيان 13 قيدًا. يقول السجل: قُيّد في 2026-03-01 12:00:00 "
            "(بتوقيت الرياض). ولم يتغير منذ ذلك الحين، بهذا النص:"
        ),
        "  event: domain.violation:Violation.ObjectionSubmitted",
        "  stream: abcdefab-cdef-4bcd-8fab-cdefabcdefab",
        "  version: 3",
        "  by: PERSON 00000000-0000-0000-0000-000000000008",
        "  reason: OTHER",
        "  statement: لم أكن أقود السيارة",
    ]


def test_what_is_sealed_is_said_to_be() -> None:
    lines = said(None)
    assert lines[1].endswith("Unchanged since, with these values; personal ones are sealed:")
    assert not any("statement" in line for line in lines)


def test_what_has_nothing_personal_is_not_said_to_be_sealed() -> None:
    row = ROW._replace(state=msgspec.json.encode(msgspec.structs.replace(STATE, personal=None)))
    lines = list(words(verify_receipt(receipt(preimage(row, None), row), TRUSTED)))
    assert lines[1].endswith("Unchanged since, with these values:")
    assert lines[3].endswith("بهذه القيم:")


def test_what_somebody_has_written_stays_on_its_line() -> None:
    assert said("I was there.\nPROVEN: paid\x1b[2J")[-1] == "  statement: I was there.\\nPROVEN: paid\\x1b[2J"
