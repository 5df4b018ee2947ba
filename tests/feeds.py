"""Lines of feeds, and the feed that begins them all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

NOURA, RAJESH, SALMAN, HIND = "1004010607", "2502032556", "1455345981", "1000000032"
CIVIL, PASSPORTS, BORDER, TRAFFIC, SADAD = "civil-affairs", "passports", "border-guard", "traffic", "sadad"

Line = dict[str, Any]
WriteFeed = Callable[..., Path]


def line(at: str, op: str, input: Line, *, role: str = "AGENCY_FEED", subject: str = CIVIL) -> Line:
    return {"at": at, "as": {"role": role, "subject": subject}, "op": op, "input": input}


def registered(id: str, username: str, at: str = "2026-01-01T00:00:00+03:00", **more: Any) -> Line:
    input = {
        "nationalId": id,
        "username": username,
        "name": {"ar": "اسم", "en": f"Name of {username}"},
        "mobile": f"+9665{int(id) % 10**8:08d}",
        "email": f"{username}@example.sa",
        "language": "AR",
    }
    return line(at, "registerUser", input | more)


def recorded(number: str, at: str, violator: str = RAJESH, **more: Any) -> Line:
    input = {
        "number": number,
        "violatorNationalId": violator,
        "typeCode": "SPEED_120_OVER_10",
        "source": "SAHER",
        "occurredAt": at,
        "location": {"ar": "طريق الملك فهد، الرياض", "en": "King Fahd Road, Riyadh"},
        "plate": "ABD1234",
        "fine": "150.00",
        "notifiedAt": at,
    }
    return line(at, "recordViolation", input | more, subject=TRAFFIC)


def issued(number: str, at: str, **more: Any) -> Line:
    input = {
        "number": number,
        "holderNationalId": RAJESH,
        "type": "SINGLE",
        "basis": "MONTHS",
        "durationDays": 60,
        "passportNumber": "P1234567",
        "passportExpiresOn": "2029-01-01",
        "iqamaExpiresOn": "2028-01-01",
    }
    return line(at, "issueVisa", input | more, subject=PASSPORTS)


def moved(number: str, at: str, direction: str) -> Line:
    port = {"ar": "منفذ البطحاء", "en": "Al Batha border post"}
    input = {"visaNumber": number, "direction": direction, "port": port, "at": at}
    return line(at, "recordMovement", input, subject=BORDER)


PEOPLE = (
    registered(NOURA, "noura"),
    registered(RAJESH, "rajesh", language="EN"),
    registered(SALMAN, "salman"),
    registered(HIND, "hind"),
    line(
        "2026-01-01T01:00:00+03:00",
        "grantRole",
        {"nationalId": HIND, "role": "ADMINISTRATOR"},
        role="ADMINISTRATOR",
        subject="setup",
    ),
    line(
        "2026-01-01T02:00:00+03:00",
        "grantRole",
        {"nationalId": SALMAN, "role": "TRAFFIC_OFFICER"},
        role="ADMINISTRATOR",
        subject=HIND,
    ),
    line(
        "2026-01-01T03:00:00+03:00",
        "assignSponsor",
        {"nationalId": RAJESH, "sponsorNationalId": NOURA, "relation": "EMPLOYER"},
    ),
)


def valid_id(number: int) -> str:
    """An Iqama number with its check digit."""
    nine = f"2{number:08d}"
    total = 0
    for place, digit in enumerate(nine):
        doubled = int(digit) * (2 - place % 2)
        total += doubled - 9 if doubled > 9 else doubled
    return nine + str(-total % 10)
