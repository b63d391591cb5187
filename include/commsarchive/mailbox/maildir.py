"""Maildir++ trees on a local disk, one for each mailbox: the embedded destination.

Layout: ``<root>/<address>/`` is a mailbox and its Inbox, ``<root>/<address>/.Folder/`` a folder. A mail
is ``cur/<seconds when it was said>.<delivery key>.commsarchive:2,S`` (seen), with LF line ends, and its
file's time is when it was said. The key in the name makes a copy unique and lets it be found again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from include.commsarchive.errors import Fatal, Quarantine, Retriable
from include.commsarchive.mailbox import disk
from include.commsarchive.mailbox.base import Encode
from include.commsarchive.mailbox.kept import kept_mime
from include.commsarchive.mailbox.names import place
from include.commsarchive.model import Kept, Letter, Mail, Outcome

SEEN = ":2,S"
"""What a reader's flags look like at the end of a name: version 2, seen."""

NO_MAILBOX = "no-such-mailbox"
NOT_A_MAILBOX = "not-a-mailbox"
NOT_WRITABLE = "mailbox-not-writable"


@dataclass(frozen=True, slots=True)
class _Written:
    """A mail in the scratch folder, ready to be linked into mailboxes, or why it cannot be filed."""

    path: Path
    content_hash: str = ""
    reason: str = ""


class Maildir:
    """A `Mailbox` of Maildir++ trees below one folder, private to their owner."""

    keyed = True
    readable = True

    def __init__(self, root: Path, encode: Encode, *, create: bool = True) -> None:
        """File below ``root``. With ``create`` mailboxes appear on demand, else they must exist."""
        self._root = root
        self._encode = encode
        self._create = create

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        """See `Mailbox.missing`."""
        reasons = {mailbox: self._refusal(place(self._root, mailbox, "")) for mailbox in mailboxes}
        return {mailbox: reason for mailbox, reason in reasons.items() if reason}

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        """See `Mailbox.find`. The id is the file's name without flags, which readers change."""
        wanted = set(delivery_keys)
        files = self._files(mailbox, folder)
        return {key: name for name in files if (key := _key(name)) in wanted}

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """See `Mailbox.inspect`. A mail came when its file says so."""
        kept: dict[str, Kept] = {}
        files = self._files(mailbox, folder)
        for name in files.keys() & set(server_ids):
            path, flags = files[name]
            with self._explained():
                content = _as_sent(path)
                came = int(path.stat().st_mtime) * 1000
            mail = kept_mime(content, _key(name))
            kept[name] = replace(mail, received=came, read="S" in flags, draft="D" in flags)
        return kept

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        """See `Mailbox.prune`: a key is a name here, so there is nothing to remove."""
        del mailbox, folder, delivery_keys
        return 0

    def close(self) -> None:
        """See `Mailbox.close`."""

    def _files(self, mailbox: str, folder: str) -> dict[str, tuple[Path, str]]:
        """List a folder: each mail's name without flags, its path, and its flags."""
        files: dict[str, tuple[Path, str]] = {}
        with (
            self._explained(),
            contextlib.suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(place(self._root, mailbox, folder) / "cur") as entries,
        ):
            for entry in entries:
                name, _, flags = entry.name.partition(":")
                files[name] = (Path(entry.path), flags)
        return files

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """See `Mailbox.append`. A mail is written once and linked into each of its mailboxes."""
        if not letters:
            return []
        with self._explained(), disk.scratch(self._root / ".tmp") as folder:
            mails = {id(letter.mail): letter.mail for letter in letters}
            written = {
                one: self._write(folder / str(number), mail)
                for number, (one, mail) in enumerate(mails.items())
            }
            disk.flush(self._root, [one.path for one in written.values() if not one.reason])
            filed: list[str] = []
            outcomes = [self._file(letter, written[id(letter.mail)], filed) for letter in letters]
            disk.flush(self._root, filed)
        return outcomes

    def _write(self, path: Path, mail: Mail) -> _Written:
        """Write a mail with LF line ends; its hash is of the bytes as encoded."""
        content = hashlib.sha256()
        held_back = b""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            for piece in self._pieces(mail):
                content.update(piece)
                data = _unix(held_back + piece)
                held_back = b"\r" if data.endswith(b"\r") else b""
                _write_all(handle, data.removesuffix(held_back))
            _write_all(handle, held_back)
            os.utime(handle, ns=(mail.at * 1_000_000,) * 2)
        except Quarantine as error:
            return _Written(path, reason=error.reason)
        finally:
            os.close(handle)
        return _Written(path, content.hexdigest())

    def _pieces(self, mail: Mail) -> Iterator[bytes]:
        try:
            yield from self._encode(mail)
        except OSError as error:
            raise Retriable(
                f"an attachment cannot be read from staging: {error.strerror}. Run the connector's "
                "`convert` task again"
            ) from error

    def _file(self, letter: Letter, written: _Written, filed: list[str]) -> Outcome:
        """Give a mail its name in a mailbox; a copy that has it already stays as it is.

        What is kept is what was written, or what is there already.
        """
        name = f"{letter.mail.at // 1000}.{letter.delivery_key}.commsarchive"
        folder = place(self._root, letter.mailbox, letter.folder)
        target = f"{folder}/cur/{name}{SEEN}"
        kept = written.content_hash
        try:
            if reason := written.reason or self._link(written.path, target, folder):
                return Outcome(letter.delivery_key, reason=reason)
        except FileExistsError:
            kept = hashlib.sha256(_as_sent(Path(target))).hexdigest()
        filed.append(target)
        return Outcome(letter.delivery_key, name, written.content_hash, stored_hash=kept)

    def _link(self, source: Path, target: str, folder: Path) -> str:
        """Link a mail into a folder, making the folder if need be, or say why it cannot be."""
        try:
            try:
                os.link(source, target)
            except FileNotFoundError:
                if reason := self._refusal(self._mailbox(folder)):
                    return reason
                _make_maildir(self._mailbox(folder))
                _make_maildir(folder)
                os.link(source, target)
        except NotADirectoryError:
            return NOT_A_MAILBOX
        except OSError as error:
            if error.errno != errno.EACCES:
                raise
            return NOT_WRITABLE
        return ""

    def _refusal(self, mailbox: Path) -> str:
        if not mailbox.exists():
            return "" if self._create else NO_MAILBOX
        if not mailbox.is_dir():
            return NOT_A_MAILBOX
        effective = os.access in os.supports_effective_ids
        return "" if os.access(mailbox, os.W_OK | os.X_OK, effective_ids=effective) else NOT_WRITABLE

    def _mailbox(self, folder: Path) -> Path:
        return folder if folder.parent == self._root else folder.parent

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the disk's errors into ours, without the paths: these name people."""
        try:
            yield
        except PermissionError as error:
            raise Fatal(
                f"Maildir {self._root}: {error.strerror}. Make the folder writable for the user who runs this"
            ) from error
        except OSError as error:
            raise Retriable(
                f"Maildir {self._root}: {error.strerror}. Make room on its disk, or mend it"
            ) from error


def _key(name: str) -> str:
    return name.partition(".")[2].partition(".")[0]


def _make_maildir(folder: Path) -> None:
    """Make the folders of a Maildir; ``cur`` comes last, so that where it is, all is."""
    _make_private(folder)
    _make_private(folder / "tmp")
    _make_private(folder / "new")
    if folder.name.startswith("."):
        os.close(os.open(folder / "maildirfolder", os.O_WRONLY | os.O_CREAT, 0o600))
    _make_private(folder / "cur")


def _make_private(folder: Path) -> None:
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)


def _as_sent(path: Path) -> bytes:
    return path.read_bytes().replace(b"\n", b"\r\n")


def _unix(data: bytes) -> bytes:
    """Turn CRLF into LF. Where no CR is alone, dropping them all does it, and is much faster."""
    bare = data.translate(None, b"\r")
    return bare if bare.replace(b"\n", b"\r\n") == data else data.replace(b"\r\n", b"\n")


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
