"""What stops the program itself: faults of its surroundings, told in one line.

Exit status, after BSD's sysexits where it has one:

2   a file that was given could not be used
65  the record is damaged
69  the database cannot be reached, does not answer, refuses, or is too old
70  a fault that nobody foresaw, in the program itself
73  the data folder cannot be used
75  another process is in the way: try again later
78  a setting or a key is missing or wrong
"""

from enum import IntEnum


class ExitStatus(IntEnum):
    """The exit status of a command that a fault has ended."""

    FILE = 2
    DAMAGED = 65
    DATABASE = 69
    PROGRAM = 70
    DATA_FOLDER = 73
    BUSY = 75
    SETTINGS = 78


class Fault(Exception):
    """Something around the program is wrong: `message` says in one line what it is and what to do."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.message = message
        self.exit_status = exit_status


def first_line(fault: BaseException) -> str:
    """What a fault says, without what PostgreSQL adds in further lines."""
    return next(iter(str(fault).splitlines()), type(fault).__qualname__)
