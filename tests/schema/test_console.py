"""What the auditor's console is told about the record's words."""

import msgspec
from starlette.requests import Request

from schema.console import labels


async def test_labels_are_told_by_the_names_that_the_api_has_for_fields_and_values() -> None:
    answer = await labels(Request({"type": "http"}))
    told = msgspec.json.decode(answer.body)
    assert answer.headers["content-type"] == "application/json"
    assert told["fields"]["payBefore"] == {"ar": "السداد قبل تاريخ", "en": "Pay before"}
    assert told["values"]["ViolationStatus"]["OVERDUE"] == {"ar": "متأخرة السداد", "en": "Overdue"}
    assert told["values"]["ViolationType"]["SEAT_BELT"].keys() == {"ar", "en"}
    assert {"address", "statement", "attachments", "plate"} <= set(told["personal"])
    assert "payBefore" not in told["personal"]
