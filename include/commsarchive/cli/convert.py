"""``convert``: files of a source to ``.eml`` files and one JSON object of counts, without Airflow."""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from include.commsarchive.connector import Items
from include.commsarchive.errors import Fatal
from include.commsarchive.message.mail import make_mail
from include.commsarchive.message.mime import encode
from include.commsarchive.profile import load_profile
from include.commsarchive.sources.base import Profiled
from include.commsarchive.sources.registry import SOURCES, source
from include.commsarchive.stages.bundles import bundles_of
from include.commsarchive.stages.convert import convert_bundle
from include.commsarchive.stages.run import ConvertReceipt
from include.commsarchive.stages.shards import rows
from include.commsarchive.stages.share import Converted
from include.commsarchive.staging.store import Folder

Commands = Any  # argparse keeps its subparsers' type to itself


def add_commands(commands: Commands) -> None:
    """Add ``convert`` and ``sources``."""
    one = commands.add_parser("convert", help="turn export files into .eml files")
    one.add_argument("source", help="name of a source, see `sources`")
    one.add_argument("files", nargs="+", type=Path, metavar="FILE", help="decrypted export files of one day")
    one.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the .eml files")
    one.add_argument("--profile", type=Path, metavar="FILE", help="what own_files look like")
    one.add_argument("--per", choices=("conversation", "message"), default="conversation")
    one.add_argument("--max-events", type=int, default=Items().max_events, help="events in one e-mail")
    one.set_defaults(run=run_convert)
    two = commands.add_parser("sources", help="list the sources that can be read")
    two.set_defaults(run=run_sources)


def run_sources(_: argparse.Namespace) -> int:
    """Print the sources."""
    for name, kind in SOURCES.items():
        print(f"{name}  {kind.title}  {kind.message_class}  {kind.item_class}")
    return 0


def run_convert(arguments: argparse.Namespace) -> int:
    """Convert; exit code 3 when something was quarantined."""
    profile = load_profile(arguments.profile.resolve()) if arguments.profile else ""
    kind = source(arguments.source, profile)
    if isinstance(kind, Profiled) and not kind.profile:
        raise Fatal(f"the source `{kind.name}` needs a profile. Name its file with --profile")
    files = {path.name: path for path in arguments.files}
    if len(files) < len(arguments.files):
        raise Fatal("two files have the same name. Convert them one after the other")
    for path in arguments.files:
        if not path.is_file():
            raise Fatal(f"{path}: no such file. Name the decrypted export files")
    arguments.out.mkdir(parents=True, exist_ok=True)
    items = Items(per=arguments.per, max_events=arguments.max_events)
    total = Converted(ConvertReceipt("all"))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Folder(Path(scratch))
        (folder.root / "clear").mkdir()
        for name, path in files.items():
            Path(scratch, "clear", name).symlink_to(path.resolve())
        bundles = bundles_of(kind, files)
        for bundle in bundles:
            total.add(convert_bundle(kind, bundle, folder, items))
        _write_mails(folder, sorted(total.receipt.shards), arguments.out)
        _write_refused(folder, total, arguments.out / "quarantine")
    print(json.dumps(_summary(len(bundles), total), indent=2))
    return 3 if total.units else 0


def _write_mails(folder: Folder, shards: list[str], out: Path) -> None:
    for number, item in enumerate(rows(folder, shards), start=1):
        mail = make_mail(item, {}, lambda blob: folder.open(f"blobs/{blob}"), ())
        with (out / f"{number:05}-{item.key[:12]}.eml").open("wb") as sink:
            sink.writelines(encode(mail))


def _write_refused(folder: Folder, total: Converted, out: Path) -> None:
    for unit in total.units:
        out.mkdir(exist_ok=True)
        with folder.open(f"refused/{unit.sha256}") as stream:
            (out / f"{unit.reason}-{unit.sha256[:12]}.bin").write_bytes(stream.read())


def _summary(bundles: int, total: Converted) -> dict[str, Any]:
    receipt = total.receipt
    return {
        "bundles": bundles,
        "items": receipt.items,
        "events": dict(sorted(receipt.events.items())),
        "participants": len(total.people),
        "attachments": receipt.attachments,
        "attachments_missing": receipt.attachments_missing,
        "repaired": receipt.repaired,
        "quarantined": len(total.units),
        "reasons": [
            {"reason": unit.reason, "place": unit.place, "detail": unit.detail, "sha256": unit.sha256}
            for unit in total.units
        ],
    }
