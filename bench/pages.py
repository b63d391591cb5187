"""How long pages take over years of history: 200 connectors, 100,000 days, 100,000 acts in the audit trail.

`python -m bench.pages [URL of a ledger]`; a ledger that is there already is used as it is. The measurement is
a process of its own, `page_times.py`, because Airflow reads its settings when it is first imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
CONNECTORS = 200


def main() -> int:
    """Set Airflow and the product up in a folder of their own, and measure."""
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        url = sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{root / 'ledger.db'}"
        (root / "connectors").mkdir()
        for number in range(CONNECTORS):
            wanted = definition(f"feed_{number:03}")
            (root / "connectors" / f"{number}.yaml").write_text(json.dumps(wanted), encoding="utf-8")
        command = [sys.executable, "-m", "bench.page_times"]
        return subprocess.run(command, cwd=PROJECT, env=environment(root, url), check=False).returncode


def environment(root: Path, url: str) -> dict[str, str]:
    """Give the settings of the process that measures."""
    return {
        **os.environ,
        "PYTHONPATH": f"{PROJECT}:{PROJECT / 'plugins'}",
        "AIRFLOW_HOME": str(root),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__API_AUTH__JWT_SECRET": "signs the tokens of one measurement; long enough for SHA-512",
        "COMMSARCHIVE_CONNECTORS": str(root / "connectors"),
        "COMMSARCHIVE_LEDGER": url,
    }


def definition(name: str) -> dict[str, Any]:
    """Give the least that a connector states; JSON is YAML."""
    return {
        "name": name,
        "source": "instant_bloomberg",
        "collect": {"connection": "a", "allow_unencrypted": True},
        "deliver": {"connection": "b"},
        "mapping": {"third_party_mailbox": "c@firm.example"},
        "schedule": {"start": "2025-01-01"},
    }


if __name__ == "__main__":
    sys.exit(main())
