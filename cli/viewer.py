"""Who looks at people's data from the command line: nobody signs in there, so it is the account on this machine."""

import os
import pwd
from datetime import datetime

from access.reader import Purpose
from domain.actor import Role
from schema.access import AGENCY_OF
from store.access_log import COMMAND_LINE, Viewer


def at_the_command_line(now: datetime, role: Role = Role.AUDITOR, purpose: Purpose = Purpose.AUDIT) -> Viewer:
    """Whoever has this installation's keys, as the access log names them."""
    return Viewer(now, COMMAND_LINE, role.value, AGENCY_OF[role], purpose.value, operator=_account(os.getuid()))


def _account(number: int) -> str:
    """The name of an account on this machine; not from the environment, where anybody may write another."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
