"""The read models' tables, by what one row is."""

from typing import Final

from projections.docket import Dockets
from projections.person import People
from projections.violation import Violations
from projections.visa import Visas

PERSON: Final = People().table
VISA: Final = Visas().table
VIOLATION: Final = Violations().table
DOCKET: Final = Dockets().table
