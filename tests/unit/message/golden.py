"""Golden mails: `tests/golden/mail/<case>/item.json` and the `mail.eml` that it must become.

``python -m tests.unit.message.golden`` writes the mails that are missing and names those that
differ; it replaces one only when told: ``--replace CASE``. Look at the difference first.
"""

from __future__ import annotations

import argparse
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from include.commsarchive.message.mail import make_mail
from include.commsarchive.message.mime import encode
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Item
from tests.unit.message.people import Source

FOLDER = Path(__file__).parents[2] / "golden" / "mail"


@dataclass
class Case:
    """What a mail is made from: the item, the mapped addresses and the files' bytes by their hash."""

    item: Item
    addresses: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)


def names() -> list[str]:
    return sorted(path.parent.name for path in FOLDER.glob("*/item.json"))


def made(name: str) -> bytes:
    """Make the mail of a case anew."""
    case = msgspec.json.decode((FOLDER / name / "item.json").read_bytes(), type=Case)
    staged = stage(case.item, Source())
    mail = make_mail(
        staged, case.addresses, lambda blob: io.BytesIO(case.blobs[blob]), [("Connector", "demo")]
    )
    return b"".join(encode(mail))


def kept(name: str) -> bytes:
    return (FOLDER / name / "mail.eml").read_bytes()


def main(arguments: list[str]) -> int:
    """Write what is missing; say what differs and leave it, unless told to replace it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replace", metavar="CASE", nargs="+", default=[], choices=names())
    replace = parser.parse_args(arguments).replace
    differing = 0
    for name in names():
        path = FOLDER / name / "mail.eml"
        mail = made(name)
        if path.exists() and path.read_bytes() == mail:
            continue
        if path.exists() and name not in replace:
            sys.stdout.write(f"{name}: differs, left as it is; after looking: --replace {name}\n")
            differing += 1
        else:
            path.write_bytes(mail)
            sys.stdout.write(f"{name}: written\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
