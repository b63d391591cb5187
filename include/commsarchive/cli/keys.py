"""``keys``: make a connector's key pairs, show what a key file holds, say what to send to the vendor."""

from __future__ import annotations

import argparse
import datetime as dt
import getpass
import json
import os
import sys
from pathlib import Path
from typing import Any

from include.commsarchive.collect.ssh_key import make_ssh_key
from include.commsarchive.errors import Fatal
from include.commsarchive.pgp.base import KeyInfo
from include.commsarchive.pgp.home import Home
from include.commsarchive.pgp.keyring import import_key, list_keys, open_gpg
from include.commsarchive.pgp.keys import ALGORITHMS, expiring, make_key
from include.commsarchive.pgp.published import public_halves
from include.commsarchive.pgp.rotation import letter, next_pair, public_name, with_next, without
from include.commsarchive.pgp.settings import settings_from

LETTER = """\
Send to the vendor (for Bloomberg: support, subject "SFTP keys"):
  {pgp}   they encrypt to it
  {ssh}   it logs us in
  the address from which your workers reach the internet, to be allow-listed: {address}
Keep private, and put into the Airflow connections (see docs/operations.md):
  {private}
"""


_EXTRA = "extras of the keys' connection, as JSON"


def add_commands(commands: Any) -> None:
    """Add ``keys make``, ``keys show``, ``keys next`` and ``keys retire``."""
    keys = commands.add_parser("keys", help="make and show OpenPGP and SSH keys")
    verbs = keys.add_subparsers(dest="verb", required=True, metavar="VERB")
    make = verbs.add_parser("make", help="make both key pairs of a connector")
    make.add_argument("connector", help="name of the connector; the files are named after it")
    make.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the four files")
    make.add_argument("--email", required=True, help="address in the OpenPGP key")
    make.add_argument("--days", type=int, default=730, help="the OpenPGP key expires after (default 730)")
    make.add_argument("--algorithm", choices=sorted(ALGORITHMS), default="rsa4096")
    make.add_argument("--address", default="(yours)", help="your outgoing address, for the letter")
    make.add_argument("--passphrase-file", type=Path, help="else it is asked for on the terminal")
    make.set_defaults(run=run_make)
    show = verbs.add_parser("show", help="fingerprints and expiry of OpenPGP key files")
    show.add_argument("files", nargs="+", type=Path, metavar="FILE")
    show.add_argument("--within", type=int, default=45, help="warn of expiry within so many days")
    show.set_defaults(run=run_show)
    following = verbs.add_parser(
        "next", help="start a rotation: make the next OpenPGP pair beside the old one"
    )
    following.add_argument("connector", help="name of the connector; the files are named after it")
    following.add_argument("--extra", type=Path, required=True, metavar="FILE", help=_EXTRA)
    following.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the two files")
    following.add_argument("--email", required=True, help="address in the OpenPGP key")
    following.add_argument("--days", type=int, default=730, help="the key expires after (default 730)")
    following.add_argument("--algorithm", choices=sorted(ALGORITHMS), default="rsa4096")
    following.set_defaults(run=run_next)
    retire = verbs.add_parser("retire", help="finish a rotation: keep the old key only to open old files")
    retire.add_argument("fingerprint", help="of the old key")
    retire.add_argument("--extra", type=Path, required=True, metavar="FILE", help=_EXTRA)
    retire.add_argument("--out", type=Path, required=True, metavar="FILE", help="the extras to put back")
    retire.set_defaults(run=run_retire)


def run_make(arguments: argparse.Namespace) -> int:
    """Write four files, none of which may exist: two private, two public."""
    stem = arguments.connector
    names = [f"{stem}.pgp.asc", f"{stem}.ssh", f"{stem}.pgp.pub.asc", f"{stem}.ssh.pub"]
    paths = [arguments.out / name for name in names]
    _refuse_existing(paths)
    secret = _passphrase(arguments.passphrase_file)
    pgp = make_key(stem, arguments.email, secret, days=arguments.days, algorithm=arguments.algorithm)
    ssh = make_ssh_key(stem, secret, algorithm="ed25519")
    arguments.out.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path, text in zip(paths, (pgp.private, ssh.private, pgp.public, ssh.public), strict=True):
        _write(path, text, mode=0o644 if ".pub" in path.name else 0o600)
    private = "\n  ".join(map(str, paths[:2]))
    print(LETTER.format(pgp=paths[2], ssh=paths[3], private=private, address=arguments.address), end="")
    print(f"OpenPGP fingerprint, to be compared by telephone: {pgp.fingerprint}")
    return 0


def run_show(arguments: argparse.Namespace) -> int:
    """Print a line for each key; exit code 4 when one is about to expire."""
    keys = _read_keys(arguments.files)
    for key in keys:
        end = f"expires {_date(key.expires)}" if key.expires else "does not expire"
        print(f"{key.fingerprint}  {'private' if key.secret else 'public '}  {end}  {key.user_id}")
    warnings = expiring(keys, dt.datetime.now(dt.UTC), dt.timedelta(days=arguments.within))
    for warning in warnings:
        print(warning, file=sys.stderr)
    return 4 if warnings else 0


def run_next(arguments: argparse.Namespace) -> int:
    """Write the extras with both keys, and the next public half; say what to send to the vendor."""
    extra = _extras(arguments.extra)
    pair, entry = next_pair(
        extra, arguments.connector, arguments.email, days=arguments.days, algorithm=arguments.algorithm
    )
    public = arguments.out / public_name(arguments.connector, pair.fingerprint)
    extras = arguments.out / f"{arguments.connector}.extra.json"
    _refuse_existing([public, extras])
    arguments.out.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(extras, json.dumps(with_next(extra, entry), indent=1), mode=0o600)
    _write(public, pair.public, mode=0o644)
    keys = [
        one.info for one in public_halves(settings_from("", with_next(extra, entry), require_signature=False))
    ]
    (made,) = [one for one in keys if one.fingerprint == pair.fingerprint]
    print(f"Put {extras} into the extras of the Airflow connection, then send {public} with these words:\n")
    print(letter(made, keys, public.name), end="")
    return 0


def run_retire(arguments: argparse.Namespace) -> int:
    """Write the extras in which a key is retired."""
    _refuse_existing([arguments.out])
    today = dt.datetime.now(dt.UTC).date()
    extra = without(_extras(arguments.extra), arguments.fingerprint.replace(" ", "").upper(), today)
    _write(arguments.out, json.dumps(extra, indent=1), mode=0o600)
    print(f"Put {arguments.out} into the extras of the Airflow connection, then delete the file")
    return 0


def _extras(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_text(path))
    except ValueError as error:
        raise Fatal(f"{path}: is no JSON. Put the extras of the connection into it, as they are") from error
    if not isinstance(found, dict):
        raise Fatal(f"{path}: holds no JSON object. Put the extras of the connection into it, as they are")
    return found


def _refuse_existing(paths: list[Path]) -> None:
    if there := [str(path) for path in paths if path.exists()]:
        raise Fatal(
            f"{', '.join(there)}: there already, and a key is never overwritten. Choose another --out"
        )


def _read_keys(files: list[Path]) -> list[KeyInfo]:
    """Read key files into a key ring that ends here; private halves stay locked."""
    with Home() as home:
        gpg = open_gpg(home.path)
        for path in files:
            import_key(gpg, _text(path), str(path))
        return list_keys(gpg)


def _date(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).date().isoformat()


def _passphrase(path: Path | None) -> str:
    if path:
        return _text(path).strip()
    first, second = getpass.getpass("Passphrase: "), getpass.getpass("Again: ")
    if first != second:
        raise Fatal("the passphrases differ. Try again")
    return first


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Fatal(f"{path}: cannot be read: {error}. Name a readable text file") from error


def _write(path: Path, text: str, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
        sink.write(text)
