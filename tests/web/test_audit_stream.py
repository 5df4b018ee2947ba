"""The console finds the stream of a visa or a violation by its number, as the domain makes it."""

from domain.violation import Violation
from domain.visa import Visa
from tests.web.conftest import JavaScript

STREAMS = """
const streams = given.map(([kind, number]) => streamOf(kind, number));
console.log(JSON.stringify(await Promise.all(streams)));
"""


def test_streams_follow_from_numbers_as_in_the_domain(javascript: JavaScript) -> None:
    numbers = [[kind, number] for kind in ("Visa", "Violation") for number in ("7001", "6000000003", "٧")]
    stream_of = {"Visa": Visa.create_id, "Violation": Violation.create_id}
    expected = [str(stream_of[kind](number)) for kind, number in numbers]
    assert javascript("streamOf", "stream.js", STREAMS, numbers) == expected
