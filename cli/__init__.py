"""`sijil`: the command line of an installation."""

import asyncio
import logging
import signal
import sys

import psycopg

from cli.lazy import lazy_group
from cli.program import collect_less
from commands.feed import FeedUnusable
from duties import told
from settings import SettingsError
from store.change import LogUnavailable
from store.codec import RecordDamaged
from store.faults import ExitStatus, Fault

logger = logging.getLogger(__name__)

HELP = """Sijil (سجل): an e-government record with a GraphQL API.

\b
Examples:
  sijil run                                       serve, with the demo's people in development
  sijil serve --port 8080                         serve what is there
  sijil serve --workers 2                         in two processes
  sijil work                                      only keep the read models up, and the clock going
  sijil import feed.jsonl --agency traffic        take an agency's feed in
  sijil token --as rajesh                         a token to try queries with
  sijil appoint 1004010607                        make somebody an administrator
  sijil person export 1004010607                  everything that is held about somebody, for them
  sijil client list                               the agencies' programs that get tokens
  sijil keys rotate                               new keys for access tokens and personal data
  sijil keys backup keys-2026-11-25               the keys of personal data, apart from the database's backup
  sijil log rotate                                sign checkpoints of the log with a new key
  sijil rebuild visa                              build a read model from event one, beside the live one
  sijil readmodel list                            how far the read models are, and what is kept back
  sijil erasures                                  who was erased, and whether every trace is gone
  sijil audit history 7000001311                  what was recorded about a violation, and by whom
  sijil verify receipt objection.tlog-proof --key sijil.local/log+…
                                                  what a receipt proves, without the log
  sijil outbox                                    what was sent to people, and what could not be
  sijil schema > schema.graphql                   the API's schema
  SIJIL_PORT=9000 sijil settings                  every setting and where it comes from
"""


COMMANDS = {
    "run": "cli.serve",
    "serve": "cli.serve",
    "work": "cli.serve",
    "import": "cli.feed",
    "token": "cli.person",
    "appoint": "cli.person",
    "person": "cli.my_data",
    "client": "cli.client",
    "keys": "cli.keys",
    "log": "cli.log",
    "rebuild": "cli.read_model",
    "readmodel": "cli.read_model",
    "erasures": "cli.erasures",
    "audit": "cli.audit",
    "verify": "cli.audit.receipt",
    "outbox": "cli.about",
    "schema": "cli.schema",
    "settings": "cli.about",
}

app = lazy_group(
    COMMANDS,
    name="sijil",
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)


def main() -> None:
    """Run a command; what goes wrong around the program is one line on stderr and an exit status of its own."""
    collect_less()
    try:
        _run()
    except SettingsError as error:
        _fail(" ".join(error.sentences), ExitStatus.SETTINGS)
    except Fault as fault:
        _fail(fault.message, fault.exit_status)
    except FeedUnusable as fault:
        _fail(str(fault), ExitStatus.FILE)
    except RecordDamaged as fault:
        _fail(told(fault), ExitStatus.DAMAGED)
    except (psycopg.Error, LogUnavailable) as fault:
        logger.debug("the command has failed", exc_info=True)
        _fail(told(fault), ExitStatus.DATABASE)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
    except Exception as fault:
        logger.debug("the command has failed", exc_info=True)
        _fail(f"{told(fault)}: not foreseen; SIJIL_LOG_LEVEL=debug shows more.", ExitStatus.PROGRAM)


def _run() -> None:
    try:
        app()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):  # of which typer makes a 1: that has meanings of its own
            sys.exit(128 + signal.SIGPIPE)
        raise


def _fail(message: str, status: int) -> None:
    sys.stderr.write(f"sijil: {message}\n")  # at once: other processes write there, too
    sys.exit(status)
