"""What people read for each field of the record, by its name as the API spells it."""

from typing import Final

from commands.form import camel_case
from domain.fields import FIELDS
from domain.text import Text

FIELD_LABELS: Final[dict[str, Text]] = {camel_case(name): label for name, label in FIELDS.items()}
