"""Read models: rows that follow from the record, and how they are kept up with it."""

from typing import Any

from projections.docket import Dockets
from projections.event import Events
from projections.person import People
from projections.read_model import ReadModel
from projections.violation import Violations
from projections.visa import Visas

READ_MODELS: tuple[ReadModel[Any], ...] = (People(), Visas(), Violations(), Dockets(), Events())
