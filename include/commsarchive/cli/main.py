"""Arguments in, exit code out. Each command is a module beside this one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from include.commsarchive.cli import check, convert, evidence, give_up, import_log, keys, profile, rehearse
from include.commsarchive.errors import CommsArchiveError, Quarantine, Retriable

EPILOG = """exit codes:
  0  all is well
  1  a fault of the program itself: please report it
  2  the command line could not be understood
  3  done, but something was quarantined
  4  a person must mend something: configuration, key, permission, file
  5  the outside world failed: try again later
  6  tampered: a row of the evidence, or a copy, is not what was recorded
  7  incomplete: a copy is not in its mailbox any more, or something could not be asked
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; errors of ours are one line on standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m include.commsarchive",
        description="Archive third-party communications, and prove what became of them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in (convert, check, profile, rehearse, keys, evidence, import_log, give_up):
        module.add_commands(commands)
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except CommsArchiveError as error:
        print(f"{type(error).__name__.lower()}: {error}", file=sys.stderr)
        return {Retriable: 5, Quarantine: 3}.get(type(error), 4)
    except BrokenPipeError:
        sys.stderr.close()
        return 0
