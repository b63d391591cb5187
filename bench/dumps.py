"""Large, seeded exports of every format that is parsed, made with flat memory.

python bench/dumps.py KIND MESSAGES FILE
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import dumps_mail, dumps_text, dumps_xml, export
from bench.talks import Talk, talks

Lines = Callable[[Iterable[Talk]], Iterator[str]]
Write = Callable[[Iterable[Talk], Path], None]


@dataclass(frozen=True, slots=True)
class Dump:
    """A format: its source, the file's name, how it is written, and messages left out for one that is not.

    ``format`` is that of a profile, for files of your own.
    """

    source: str
    name: str
    write: Write
    one_of: int = 1
    format: str = ""


def _lines(write: Lines) -> Write:
    def to_file(talked: Iterable[Talk], target: Path) -> None:
        with target.open("w", encoding="utf-8", newline="") as sink:
            sink.writelines(write(talked))

    return to_file


def _instant_bloomberg(talked: Iterable[Talk], target: Path) -> None:
    messages = sum(len(one.said) for one in talked)
    export.write_clear(target, messages)


DUMPS = {
    "instant_bloomberg": Dump("instant_bloomberg", export.NAME, _instant_bloomberg),
    "bloomberg_message": Dump(
        "bloomberg_message", "f848135.msg.260310.xml", _lines(dumps_xml.bloomberg_message), one_of=4
    ),
    "symphony_events": Dump("symphony", "symphony_quill.jsonl", _lines(dumps_text.symphony_events)),
    "symphony_mails": Dump(
        "symphony",
        "e_quill_SD-2026-03-09-20_ED-2026-03-10-20_GD-2026-03-10_1773172800000.zip",
        dumps_mail.symphony_mails,
    ),
    "vantage": Dump("vantage", "actiance_export.xml", _lines(dumps_xml.vantage)),
    "dig": Dump("dig", "firm.transcripts.20260310.xml", _lines(dumps_xml.dig)),
    "persistent_chat": Dump(
        "persistent_chat", "persistent_chat_20260310.xml", _lines(dumps_xml.persistent_chat)
    ),
    "fx_connect": Dump("fx_connect", "retention.zip", dumps_mail.fx_connect),
    "eml": Dump("eml", "mails.zip", dumps_mail.eml, one_of=20),
    "mbox": Dump("mbox", "archive.mbox", dumps_mail.mbox, one_of=20),
    "own_csv": Dump("own_files", "messages.csv", _lines(dumps_text.own_csv), format="delimited"),
    "own_jsonl": Dump("own_files", "messages.jsonl", _lines(dumps_text.own_jsonl), format="json_lines"),
    "own_xml": Dump("own_files", "messages.xml", _lines(dumps_xml.own_xml), format="xml"),
}


def make_dump(kind: str, messages: int, target: Path, seed: int = 1) -> None:
    """Write an export of a format; the same seed gives the same bytes."""
    dump = DUMPS[kind]
    dump.write(talks(max(1, messages // dump.one_of), seed), target)


def main() -> None:
    """Make one from the command line."""
    kind, messages, target = sys.argv[1:]
    make_dump(kind, int(messages), Path(target))


if __name__ == "__main__":
    main()
