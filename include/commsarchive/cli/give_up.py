"""``give-up``: settle a run's open intents for a destination or mailbox that is gone: then it can close."""

from __future__ import annotations

import argparse
import getpass
from dataclasses import replace
from typing import Any

from include.commsarchive.cli.evidence import add_ledger, ledger_url
from include.commsarchive.ledger.control import Act
from include.commsarchive.ledger.sql import connect
from include.commsarchive.stages.recover import give_up


def add_commands(commands: Any) -> None:
    """Add this command."""
    one = commands.add_parser(
        "give-up",
        help="record a run's copies in doubt as failed, for a destination or mailbox that is gone for good",
        description="For a run that does not close because intents are open at a destination that its "
        "connector has no more, or in a mailbox that is gone. Each such copy becomes a failure "
        "`destination-removed` or `mailbox-removed` of the import log, and the trail says who decided so. It "
        "cannot be undone, and nothing is held: a replay cannot bring these copies back. Whether one is in "
        "its mailbox, only the destination could tell: where that is still there, put it back into the "
        "connector and clear the run from `map_users` on.",
    )
    one.add_argument("run_id", metavar="RUN", help="the run, as the error says")
    one.add_argument("destination", help="the destination, as the error says")
    one.add_argument(
        "--mailbox",
        default="",
        metavar="ADDRESS",
        help="only for this mailbox; those that copies are left for are listed after",
    )
    add_ledger(one)
    one.set_defaults(run=run_give_up)


def run_give_up(arguments: argparse.Namespace) -> int:
    """Note who gives up, do so, and say what comes next."""
    run_id, destination, mailbox = arguments.run_id, arguments.destination, arguments.mailbox
    detail = {"destination": destination, "mailbox": mailbox}
    asked = Act(getpass.getuser(), "give-up-copies", thing=run_id, outcome="asked", detail=detail)
    with connect(ledger_url(arguments)) as ledger:
        ledger.note(asked)
        number = give_up(ledger, run_id, destination, mailbox)
        ledger.note(replace(asked, outcome="done", detail=detail | {"copies": number}))
        rest = {one.mailbox for one in ledger.open_intents(run_id) if one.destination == destination}
    place = f"{mailbox} of {destination}" if mailbox else destination
    then = "Clear it from `map_users` on" if mailbox else "Clear its `reconcile` task"
    print(f"{number} copies of {run_id} for {place} are failures now. {then}")
    if rest:
        print(f"Copies in doubt there are left for {', '.join(sorted(rest))}")
    return 0
