"""``python -m commsarchive_airflow.demo demo|up|down [SOURCES]``.

SOURCES is a list of feeds with commas, or ``all``; without it Instant Bloomberg is shown alone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from commsarchive_airflow.demo.report import report
from commsarchive_airflow.demo.runs import archive, unknown
from commsarchive_airflow.demo.vendors import DATA, MAIL, say, start_vendors, stop_vendors
from commsarchive_airflow.local import PROJECT, USER, Api, Home, LocalError, free_port
from include.commsarchive.demo.feeds import FIRST, Feed, chosen, write_connectors
from include.commsarchive.errors import CommsArchiveError
from include.commsarchive.ledger.sql import connect


def demo(feeds: list[Feed]) -> None:
    """Archive every sample day of these feeds in Airflow and show what came of it."""
    home = _home()
    with _running(home, feeds) as api:
        runs = archive(home, api, feeds)
    with connect(home.ledger) as ledger:
        records = [record for record in ledger.history() if record.run_id in runs]
    report(records, feeds)


def up(feeds: list[Feed]) -> None:
    """Start Airflow and the vendors' servers; say how to get in."""
    home = _home()
    if home.running():
        print(f"Airflow is running already: http://127.0.0.1:{home.port}")
    else:
        _prepare(home, feeds)
        say("Starting Airflow ...")
        home.start()
    print(f"""
  Airflow    http://127.0.0.1:{home.port}
  user       {USER}
  password   {home.password}

Unpause `{feeds[0].connector.name}` to archive its sample days. End everything with: make down""")


def down() -> None:
    """End what `up` started."""
    number = _home().stop()
    served = stop_vendors()
    print(f"Ended {number} Airflow processes{' and the servers of the vendors' if served else ''}.")


def _home() -> Home:
    """The local Airflow; it keeps its port for as long as it is there."""
    root = PROJECT / ".airflow"
    port_file = root / "port"
    if not port_file.exists():
        root.mkdir(mode=0o700, exist_ok=True)
        port_file.write_text(str(free_port()), encoding="utf-8")
    return Home(root, int(port_file.read_text(encoding="utf-8")))


@contextlib.contextmanager
def _running(home: Home, feeds: list[Feed]) -> Iterator[Api]:
    """Airflow with these feeds: ours for this block, or the one that `up` started."""
    mine = not home.running()
    try:
        if mine:
            _prepare(home, feeds)
            say("Starting Airflow (scheduler, triggerer, DAG processor, API server) ...")
            home.start()
        elif missing := unknown(Api(home), feeds):
            raise LocalError(
                f"the Airflow that is running was started without {', '.join(missing)}. End it: make down"
            )
        yield Api(home)
    finally:
        if mine:
            home.stop()
            stop_vendors()


def _prepare(home: Home, feeds: list[Feed]) -> None:
    """Serve the samples and tell Airflow where they are."""
    say("Making keys, encrypting and signing the sample exports ...")
    connections = start_vendors(feeds)
    say("Setting up Airflow's database and connections ...")
    home.prepare()
    archive_to = {"conn_type": "generic", "extra": {"destination": "maildir", "path": str(MAIL)}}
    home.set_connections({**connections, "archive": archive_to})


def main(command: str, sources: str) -> int:
    """Run one command; a foreseeable fault is one line."""
    try:
        if command == "down":
            down()
            return 0
        feeds = chosen(sources or FIRST)
        if sources:
            write_connectors(feeds, DATA / "connectors")
            os.environ["COMMSARCHIVE_CONNECTORS"] = str(DATA / "connectors")
        {"demo": demo, "up": up}[command](feeds)
    except (LocalError, CommsArchiveError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted; what was done is kept.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end what was started
    sys.exit(main(sys.argv[1], "".join(sys.argv[2:])))
