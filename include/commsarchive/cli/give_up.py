"""``give-up``: settle the open intents of a run for a destination that is gone, so that the run can close."""

from __future__ import annotations

import argparse
import getpass
from typing import Any

from include.commsarchive.cli.evidence import add_ledger, ledger_url
from include.commsarchive.ledger.control import Act
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.recover import give_up


def add_commands(commands: Any) -> None:
    """Add this command."""
    one = commands.add_parser(
        "give-up",
        help="record a run's copies in doubt as failed, for a destination that is gone for good",
        description="For a run that does not close because intents are open at a destination that its "
        "connector has no more. Each such copy becomes a failure `destination-removed` of the import log, "
        "and the trail says who decided so. Whether it is in its mailbox, only the destination could tell: "
        "where that is still there, put it back into the connector and clear the run from `map_users` on.",
    )
    one.add_argument("run_id", metavar="RUN", help="the run, as the error says")
    one.add_argument("destination", help="the destination, as the error says")
    add_ledger(one)
    one.set_defaults(run=run_give_up)


def run_give_up(arguments: argparse.Namespace) -> int:
    """Give up, note who did, and say what comes next."""
    run_id, destination = arguments.run_id, arguments.destination
    with connect(ledger_url(arguments)) as ledger:
        number = give_up(ledger, run_id, destination)
        if number:
            detail = {"destination": destination, "copies": number}
            ledger.note(Act(getpass.getuser(), "give-up-copies", thing=run_id, detail=detail))
    print(f"{number} copies of {run_id} for {destination} are failures now. Clear its `reconcile` task")
    return 0
