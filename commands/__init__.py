"""What can be asked to be changed: one file per noun, carried out by `command.execute`."""

from typing import Any

from commands import erasure, objection, user, violation, visa
from commands.command import Command

COMMANDS: dict[str, Command[Any]] = {
    command.operation: command for noun in (user, visa, violation, objection, erasure) for command in noun.COMMANDS
}
"""By their GraphQL names."""
