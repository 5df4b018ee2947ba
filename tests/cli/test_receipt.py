"""What `sijil verify receipt` says in words."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from typer.testing import CliRunner

from cli.audit.case import OfAnotherCase, case_of
from cli.audit.field import label
from cli.audit.receipt import app, words
from domain.violation import Violation
from domain.visa import Visa
from store.codec import Box, Row, commitment, entry_hash, leaf_hash
from store.faults import Fault
from tests.domain.holdings import holdings
from tests.domain.test_events import AGGREGATES
from tests.domain.test_labels import ARABIC
from tests.transparency.keys import signer
from tests.transparency.test_receipt import BOX, ROW, STATE, TRUSTED, receipt
from transparency.checkpoint import encode_hash
from transparency.proof import Proof
from transparency.receipt import Proven, preimage, verify_receipt

NUMBER = "7000001311"
OF_VIOLATION = ROW._replace(stream=Violation.create_id(NUMBER))


def proven(row: Row) -> Proven:
    return verify_receipt(receipt(preimage(row, BOX), row), TRUSTED)


def said(statement: str | None) -> list[str]:
    """The lines for a receipt with this statement; None: it is sealed."""
    values = msgspec.json.encode({"statement": statement})
    box = Box(BOX.salt, msgspec.Raw(values))
    assert STATE.personal is not None
    personal = msgspec.structs.replace(STATE.personal, hash=commitment(box.salt, values))
    row = OF_VIOLATION._replace(state=msgspec.json.encode(msgspec.structs.replace(STATE, personal=personal)))
    found = verify_receipt(receipt(preimage(row, box if statement else None), row), TRUSTED)
    return list(words(found, case_of(found, NUMBER)))


def test_what_is_proven_is_said_in_both_languages_with_the_values() -> None:
    assert said("لم أكن أقود السيارة") == [
        "PROVEN: Objection submitted, of violation 7000001311.",
        (
            "Number 5 of the log sijil.local/log, before the log signed its checkpoint of 13 entries. The log says: filed on "
            "2026-03-01 12:00:00 (Riyadh). Unchanged since, with this text:"
        ),
        "ثابت: تقديم الاعتراض، للمخالفة 7000001311.",
        (
            "الرقم 5 في السجل \u2068sijil.local/log\u2069، قبل أن يوقّع السجل بيان 13 قيدًا. يقول السجل: قُيّد في \u20682026-03-01 12:00:00\u2069 "
            "(بتوقيت الرياض). ولم يتغير منذ ذلك الحين، بهذا النص:"
        ),
        "  Event · الحدث: Objection submitted · تقديم الاعتراض",
        f"  Stream · السلسلة: {Violation.create_id(NUMBER)}",
        "  Version · الإصدار: 3",
        "  Violation · مخالفة: 7000001311",
        "  By · مَن: Individual · فرد, 00000000-0000-0000-0000-000000000008",
        "  Reason · السبب: OTHER",
        "  Statement · إفادة المعترض: لم أكن أقود السيارة",
    ]


def test_what_is_sealed_is_said_to_be() -> None:
    lines = said(None)
    assert lines[1].endswith("Unchanged since, with these values; personal ones are sealed:")
    assert not any("Statement" in line for line in lines)


def test_what_has_nothing_personal_is_not_said_to_be_sealed() -> None:
    row = ROW._replace(state=msgspec.json.encode(msgspec.structs.replace(STATE, personal=None)))
    lines = list(words(verify_receipt(receipt(preimage(row, None), row), TRUSTED), None))
    assert lines[1].endswith("Unchanged since, with these values:")
    assert lines[3].endswith("بهذه القيم:")


def test_what_was_not_submitted_is_said_to_be_recorded() -> None:
    row = OF_VIOLATION._replace(topic="domain.violation:Violation.ObjectionRejected")
    lines = list(words(proven(row), None))
    assert "The log says: recorded on 2026-03-01 12:00:00 (Riyadh)." in lines[1]
    assert "يقول السجل: سُجّل في \u20682026-03-01 12:00:00\u2069 (بتوقيت الرياض)." in lines[3]


def test_an_event_without_a_title_keeps_its_name_and_a_field_without_a_label_its_own() -> None:
    state = msgspec.structs.replace(STATE, data=msgspec.Raw(b'{"half_way":{"en":"here","of":null},"size":[1,true]}'))
    row = OF_VIOLATION._replace(topic="domain.later:Later.Happened", state=msgspec.json.encode(state))
    lines = list(words(verify_receipt(receipt(preimage(row, None), row), TRUSTED), None))
    assert lines[0] == "PROVEN: Later.Happened."
    assert "  Event · الحدث: Later.Happened" in lines
    assert lines[-3:] == [
        "  halfWay › English · halfWay › الإنجليزية: here",
        "  Size in bytes › 1 · الحجم بالبايت › 1: 1",
        "  Size in bytes › 2 · الحجم بالبايت › 2: true",
    ]


def test_every_field_of_every_event_is_named_in_both_languages_however_deep_it_lies() -> None:
    aggregates = {aggregate.__name__ for aggregate in AGGREGATES}
    paths = [(field,) if owner in aggregates else (owner, "1", field) for owner, field in holdings()]
    assert ("attachments", "1", "media_type") in paths
    labels = [label((*path, *inner)) for path in paths for inner in ((), ("ar",), ("en",))]
    named = [(ar, en) for each in labels for ar, en in zip(each.ar.split(" › "), each.en.split(" › "), strict=True)]
    assert {ar for ar, en in named if not ARABIC.search(ar) or ARABIC.search(en)} == {"1"}


def test_what_somebody_has_written_stays_on_its_line() -> None:
    assert (
        said("I was there.\nPROVEN: paid\x1b[2J")[-1]
        == "  Statement · إفادة المعترض: I was there.\\nPROVEN: paid\\x1b[2J"
    )


# Which case it is of


@pytest.mark.parametrize("typed", [NUMBER, f"O{NUMBER}", f" o{NUMBER} ", "٧٠٠٠٠٠١٣١١"])
def test_a_violation_is_named_by_its_number_or_that_of_its_objection(typed: str) -> None:
    case = case_of(proven(OF_VIOLATION), typed)
    assert case is not None
    assert (case.kind.noun.en, case.number) == ("violation", NUMBER)


def test_a_visa_is_named_by_its_number() -> None:
    row = ROW._replace(topic="domain.visa:Visa.Departed", stream=Visa.create_id("9000000001"))
    case = case_of(proven(row), "9000000001")
    assert case is not None
    assert (case.named.en, case.named.ar) == ("of visa 9000000001", "للتأشيرة 9000000001")


def holding(number: object, stream: UUID) -> Row:
    state = msgspec.structs.replace(STATE, data=msgspec.Raw(msgspec.json.encode({"number": number})))
    return ROW._replace(stream=stream, topic="domain.violation:Violation.Recorded", state=msgspec.json.encode(state))


def test_an_event_that_holds_its_number_names_its_case_by_itself() -> None:
    case = case_of(proven(holding(NUMBER, Violation.create_id(NUMBER))), None)
    assert case is not None
    assert case.number == NUMBER


def test_a_number_that_the_stream_does_not_follow_from_names_nothing() -> None:
    assert case_of(proven(holding(NUMBER, Violation.create_id("7000001312"))), None) is None


@pytest.mark.parametrize("typed", ["7000001312", "", "؟", "x" * 65])
def test_an_event_is_not_of_another_number(typed: str) -> None:
    with pytest.raises(OfAnotherCase):
        case_of(proven(OF_VIOLATION), typed)


def test_a_number_names_no_account() -> None:
    row = OF_VIOLATION._replace(topic="domain.user:User.Registered")
    assert case_of(proven(row), None) is None
    with pytest.raises(OfAnotherCase):
        case_of(proven(row), NUMBER)


def test_where_no_number_is_known_it_is_said_how_to_check_one() -> None:
    lines = list(words(proven(OF_VIOLATION), None))
    assert lines[0] == "PROVEN: Objection submitted."
    assert lines[-2:] == [
        "Which violation it is of, it does not say: check a number with --number.",
        "ولا يذكر لأي مخالفة هو: تحقَّق من الرقم بالخيار \u200e--number.",
    ]


# The command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "objection.tlog-proof"


def run(file: Path, text: str, *options: str) -> tuple[int, list[str]]:
    file.write_text(text, "utf-8")
    done = CliRunner().invoke(app, ["receipt", str(file), "--key", str(signer().verifier), *options])
    return done.exit_code, done.stdout.splitlines()


WHOLE = receipt(preimage(OF_VIOLATION, BOX), OF_VIOLATION)
HASH_ALONE = replace(Proof.parse(WHOLE), extra=None).text
LEAF = encode_hash(leaf_hash(entry_hash(OF_VIOLATION)))


def test_another_number_is_not_proven_and_said_so_in_both_languages(file: Path) -> None:
    assert run(file, WHOLE, "--number", NUMBER)[1][0] == "PROVEN: Objection submitted, of violation 7000001311."
    assert run(file, WHOLE, "--number", "7000001312") == (
        1,
        [
            "NOT PROVEN: this event is not of 7000001312: its stream is another.",
            "لم يثبت: هذا الحدث ليس للرقم 7000001312.",
        ],
    )


def test_a_file_without_the_event_is_told_from_one_that_was_tampered_with(file: Path) -> None:
    status, (english, arabic) = run(file, HASH_ALONE)
    assert status == 1
    assert english.startswith("NOT CHECKED: this file does not hold the event")
    assert "number 5 of the log sijil.local/log" in english
    assert "--leaf" in english
    assert arabic.startswith("لم يُفحص: ")
    assert "\u200e--leaf" in arabic
    tampered = HASH_ALONE.replace("\n13\n", "\n14\n")
    status, (english, arabic) = run(file, tampered)
    assert (status, arabic) == (1, "لم يثبت: الإيصال لا يطابق السجل الموقَّع.")
    assert english.startswith("NOT PROVEN: the signature by")


@pytest.mark.parametrize("text", [HASH_ALONE, WHOLE])
def test_with_its_leaf_hash_it_proves_that_the_hash_is_there_and_says_no_more(file: Path, text: str) -> None:
    assert run(file, text, "--leaf", LEAF) == (
        0,
        [
            (
                f"PROVEN: the hash {LEAF} is number 5 of the log sijil.local/log, before the log signed its checkpoint of "
                "13 entries. It says nothing of what was recorded."
            ),
            (
                f"ثابت: البصمة \u2068{LEAF}\u2069 هي الرقم 5 في السجل \u2068sijil.local/log\u2069، قبل أن يوقّع السجل بيان 13 قيدًا. "
                "وهي لا تقول ما الذي قُيّد."
            ),
        ],
    )


def test_another_leaf_hash_is_not_proven(file: Path) -> None:
    status, (english, _) = run(file, HASH_ALONE, "--leaf", encode_hash(bytes(32)))
    assert (status, english) == (1, "NOT PROVEN: the proof leads to another root.")


@pytest.mark.parametrize("option", ["--leaf", "--number"])
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_option_that_is_given_empty_is_not_one_that_is_left_out(file: Path, option: str, empty: str) -> None:
    file.write_text(WHOLE, "utf-8")
    done = CliRunner().invoke(app, ["receipt", str(file), "--key", str(signer().verifier), option, empty])
    assert isinstance(done.exception, Fault)
    assert done.exception.message == f"{option} is empty: give what is to be checked, or leave it out."
    assert (done.exception.exit_status, done.stdout) == (2, "")


def test_a_hash_and_a_number_are_not_checked_together_even_if_one_is_empty(file: Path) -> None:
    file.write_text(WHOLE, "utf-8")
    options = ["--key", str(signer().verifier), "--leaf", "", "--number", NUMBER]
    done = CliRunner().invoke(app, ["receipt", str(file), *options])
    assert isinstance(done.exception, Fault)
    assert done.exception.message == "Either --leaf or --number: a hash alone is of no case."


@pytest.mark.parametrize("empty", ["", "\n \n"])
def test_an_empty_key_file_is_said_to_be_empty(file: Path, empty: str) -> None:
    file.write_text(WHOLE, "utf-8")
    keys = file.with_name("sijil.key")
    keys.write_text(empty)
    done = CliRunner().invoke(app, ["receipt", str(file), "--key", str(keys)])
    assert isinstance(done.exception, Fault)
    assert done.exception.message == f"The key file {keys} is empty: put the log's key in it, from /log/key."
    assert (done.exception.exit_status, done.stdout) == (2, "")


def test_an_empty_key_is_said_to_be_empty(file: Path) -> None:
    file.write_text(WHOLE, "utf-8")
    done = CliRunner().invoke(app, ["receipt", str(file), "--key", ""])
    assert isinstance(done.exception, Fault)
    assert done.exception.message == "--key is empty: give the log's key, or a file of it."
