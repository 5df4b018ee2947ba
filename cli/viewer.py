"""Who does something at the command line: nobody signs in there, so it is the account on this machine."""

import os
import pwd
from datetime import datetime

from access.reader import Purpose
from domain.actor import Role
from schema.access import AGENCY_OF
from store.access_log import COMMAND_LINE, Viewer


def at_the_command_line(now: datetime, role: Role = Role.AUDITOR, purpose: Purpose = Purpose.AUDIT) -> Viewer:
    """Whoever has this installation's keys, as the access log names them."""
    return Viewer(now, COMMAND_LINE, role.value, AGENCY_OF[role], purpose.value, operator=operator())


def operator() -> str:
    """The name of the account that runs this; not from the environment, where anybody may write another."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
