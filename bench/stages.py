"""One measurement each, in a process of its own: parsing and mail writing, ours and the standard library's.

python bench/stages.py VERB CLEAR_FILE
"""

from __future__ import annotations

import json
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench import naive
from bench.export import NAME
from include.commsarchive.message.mail import make_mail
from include.commsarchive.message.mime import encode
from include.commsarchive.message.stage import stage
from include.commsarchive.model import Item, Mail, StagedItem
from include.commsarchive.sources.base import Chunk, Options
from include.commsarchive.sources.instant_bloomberg import source as reader
from include.commsarchive.sources.instant_bloomberg.fast import read_plain
from include.commsarchive.sources.registry import source
from include.commsarchive.stages.run import Bundle
from include.commsarchive.stages.share import Job, convert_share
from include.commsarchive.staging.store import Folder

SAMPLE = 1_000
"""Conversations that are written as mails."""

Answer = dict[str, float]
_KIND = source("instant_bloomberg")


def items(clear: Path) -> Iterator[Item]:
    """Parse an export with our parser."""
    options = Options()
    with clear.open("rb") as stream:
        for chunk in _KIND.chunks(clear.name, stream, options):
            assert isinstance(chunk, Chunk)
            for item in _KIND.parse(chunk, {}, options):
                assert isinstance(item, Item)
                yield item


def _mail(staged: StagedItem) -> Mail:
    return make_mail(staged, {}, lambda _: sys.stdin.buffer)


def _mails(clear: Path) -> list[Mail]:
    return [_mail(stage(item, _KIND)) for item in islice(items(clear), SAMPLE)]


def parse(clear: Path) -> Answer:
    """Find chunks and read every conversation to an item."""
    return _timed(lambda: sum(1 for _ in items(clear)), _mb(clear))


def unusual(clear: Path) -> Answer:
    """Count the conversations that the fast reader leaves to the ordinary one."""
    left = 0

    def counted(*arguments: Any) -> Any:
        nonlocal left
        read = read_plain(*arguments)
        left += read is None
        return read

    with patch.object(reader, "read_plain", counted):
        count = sum(1 for _ in items(clear))
    return {"share": left / count}


def convert(clear: Path) -> Answer:
    """Convert the export in one process."""
    folder = Folder(clear.parent / "convert")
    with folder.create(f"clear/{NAME}") as path:
        path.hardlink_to(clear)
    job = Job(_KIND.name, str(folder.root), Bundle("bench", (NAME,)), Options(), {})
    return _timed(lambda: convert_share(job, folder).receipt.items)


def parse_iterparse(clear: Path) -> Answer:
    """Stream elements and let them go, reading nothing from them."""

    def run() -> int:
        count = 0
        for _, element in ET.iterparse(clear):  # noqa: S314 - our own file
            if element.tag == "Conversation":
                count += 1
                element.clear()
        return count

    return _timed(run, _mb(clear))


def parse_tree(clear: Path) -> Answer:
    """Read the whole tree, reading nothing from it."""
    return _timed(lambda: len(ET.parse(clear).getroot()) - 1, _mb(clear))  # noqa: S314


def mime(clear: Path) -> Answer:
    """Write mails whose bodies are ready."""
    mails = _mails(clear)
    return _timed(lambda: sum(len(b"".join(encode(mail))) > 0 for mail in mails))


def mime_standard(clear: Path) -> Answer:
    """Write the same mails with `EmailMessage`."""
    mails = _mails(clear)
    return _timed(lambda: sum(len(_standard(mail)) > 0 for mail in mails))


def render(clear: Path) -> Answer:
    """Render conversations that are parsed, name and hash them, and write the mails."""
    parsed = list(islice(items(clear), SAMPLE))
    return _timed(lambda: sum(len(b"".join(encode(_mail(stage(item, _KIND))))) > 0 for item in parsed))


def render_naive(clear: Path) -> Answer:
    """Render the same conversations as `bench.naive` does."""
    parsed = list(islice(naive.conversations(clear), SAMPLE))
    return _timed(lambda: sum(len(naive.make_mail(talk, talk.room).as_bytes()) > 0 for talk in parsed))


def _standard(mail: Mail) -> bytes:
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = Address(mail.sender.name, addr_spec=mail.sender.email)
    message["To"] = [Address(one.name, addr_spec=one.email) for one in mail.to]
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(datetime.fromtimestamp(mail.at / 1000, UTC))
    message["Message-ID"] = f"<{mail.message_id}>"
    for name, value in mail.headers:
        message[name] = value
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message.as_bytes()


def _timed(run: Callable[[], int], mb: float = 0) -> Answer:
    """Give seconds, and how much was done: ``mb`` (10^6 bytes), or else what the run counted."""
    start = time.perf_counter()
    count = run()
    return {"seconds": time.perf_counter() - start, "amount": mb or count}


def _mb(clear: Path) -> float:
    return clear.stat().st_size / 1e6


VERBS = (parse, unusual, convert, parse_iterparse, parse_tree, mime, mime_standard, render, render_naive)


def main() -> None:
    """Run one verb."""
    name, clear = sys.argv[1:]
    verb = next(verb for verb in VERBS if verb.__name__ == name)
    print(json.dumps(verb(Path(clear))))


if __name__ == "__main__":
    main()
