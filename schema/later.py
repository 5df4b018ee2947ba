"""Types that refer to each other across files: named here, looked up when the schema is built."""

from typing import Any, Final

from strawberry import LazyType

PERSON: Final[Any] = LazyType("Person", "schema.person")
VISAS: Final[Any] = LazyType("VisaConnection", "schema.visa")
VIOLATION: Final[Any] = LazyType("Violation", "schema.violation")
VIOLATIONS: Final[Any] = LazyType("ViolationConnection", "schema.violation")
OBJECTION: Final[Any] = LazyType("Objection", "schema.objection")
EVENTS: Final[Any] = LazyType("EventConnection", "schema.event_page")
DELEGATION: Final[Any] = LazyType("Delegation", "schema.delegation")
