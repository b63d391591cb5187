"""``check connections``: log in, list, decrypt one file, reach the mailboxes. Nothing is filed or kept."""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import tempfile
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path

from include.commsarchive.cli.airflow_connections import find_connection
from include.commsarchive.collect.completeness import Pickup, Waiting
from include.commsarchive.collect.look import look
from include.commsarchive.connector import Connector, load_connector
from include.commsarchive.doors import open_collector, open_decryptor, open_directory, open_mailbox
from include.commsarchive.errors import CommsArchiveError, Fatal
from include.commsarchive.mapping.users import Users
from include.commsarchive.pgp.keys import expiring
from include.commsarchive.profile import source_of
from include.commsarchive.stages.bundles import expected_export
from include.commsarchive.stages.decrypt import bounds

Step = Callable[[], str]


def run_connections(arguments: argparse.Namespace) -> int:
    """Try each door in turn and say how it went; exit code 4 when one is shut."""
    connector = load_connector(arguments.file)
    day = arguments.day or dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    pickups: list[Pickup] = []
    with tempfile.TemporaryDirectory() as scratch:
        steps: list[tuple[str, Step]] = [
            ("log in and list", lambda: _list(connector, day, pickups)),
            ("keys", lambda: _keys(connector)),
            ("fetch and decrypt", lambda: _decrypt(connector, day, pickups, Path(scratch))),
            *([("read the directory", lambda: _directory(connector))] if connector.mapping.directory else []),
            *(
                ("reach mailboxes", partial(_mailbox, connector, place.connection))
                for place in connector.deliver
            ),
        ]
        return 4 if sum(not _try(name, step) for name, step in steps) else 0


def _try(name: str, step: Step) -> bool:
    try:
        print(f"good   {name}: {step()}")
    except CommsArchiveError as error:
        print(f"wrong  {name}: {error}")
        return False
    return True


def _list(connector: Connector, day: dt.date, pickups: list[Pickup]) -> str:
    expected = expected_export(connector, source_of(connector), day)
    folder = connector.collect.folder

    async def twice() -> str:
        async with open_collector(find_connection(connector.collect.connection), connector, day) as place:
            listing, _ = await look(place, folder, expected, None)
            _, verdict = await look(place, folder, expected, listing)
        found = f"{len(listing)} files in {folder}; {day}"
        if isinstance(verdict, Waiting):
            return f"{found} is not complete: {verdict.why} {', '.join(verdict.missing)}".rstrip()
        pickups.extend(verdict.pickups)
        return f"{found} is complete: {', '.join(one.name for one in verdict.pickups) or 'nothing of ours'}"

    return asyncio.run(twice())


def _keys(connector: Connector) -> str:
    if connector.pgp is None:
        return "none, the connector has no `pgp` section"
    found = find_connection(connector.pgp.connection)
    with open_decryptor(found, require_signature=connector.pgp.require_signature) as ring:
        keys = ring.keys()
    if warnings := expiring(keys, dt.datetime.now(dt.UTC), dt.timedelta(days=45)):
        raise Fatal(" | ".join(warnings))
    ours = [key.fingerprint for key in keys if key.secret]
    return f"{len(ours)} of ours ({', '.join(ours)}), {len(keys) - len(ours)} of signers"


def _decrypt(connector: Connector, day: dt.date, pickups: Iterable[Pickup], scratch: Path) -> str:
    """Open the day's smallest file, to see that key and signer are right."""
    encrypted = sorted((one for one in pickups if one.encrypted), key=lambda one: one.file.size)
    if not encrypted or connector.pgp is None:
        return "nothing to try; name a day with files: --day YYYY-MM-DD"
    smallest = encrypted[0]

    async def fetch() -> None:
        async with open_collector(find_connection(connector.collect.connection), connector, day) as place:
            await place.fetch(smallest.file, scratch / "file")
            if smallest.signature:
                await place.fetch(smallest.signature, scratch / "signature")

    asyncio.run(fetch())
    found = find_connection(connector.pgp.connection)
    signature = scratch / "signature" if smallest.signature else None
    with open_decryptor(found, require_signature=connector.pgp.require_signature) as ring:
        clear = ring.decrypt(scratch / "file", scratch / "clear", signature, bounds(connector.pgp))
    return f"{smallest.name}, {clear.size:,} bytes, signed by {clear.signed_by or 'nobody we know'}"


def _directory(connector: Connector) -> str:
    rules = connector.mapping
    users = Users(tuple(open_directory(find_connection(rules.directory)).users(rules.groups)), rules.groups)
    scope = users.in_scope(None, rules.groups, on_hold=rules.on_hold)
    inside = len(users.users) if scope is None else sum(user.mailbox in scope for user in users.users)
    return f"{rules.directory} has {len(users.users)} users, {inside} of them in scope"


def _mailbox(connector: Connector, destination: str) -> str:
    third_party = connector.mapping.third_party_mailbox
    with closing(open_mailbox(find_connection(destination))) as mailbox:
        reasons = mailbox.missing([third_party])
    if reasons:
        raise Fatal(f"third-party mailbox {third_party}: {reasons[third_party]}. Make it, or mend the name")
    return f"{destination} takes mail for {third_party}"
