"""What a Maildir tree is like on the disk, beyond what every mailbox promises."""

from __future__ import annotations

import errno
import hashlib
import mailbox as standard
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from include.commsarchive.errors import Fatal, Quarantine, Retriable
from include.commsarchive.mailbox import disk
from include.commsarchive.mailbox.maildir import Maildir
from include.commsarchive.model import Mail, MailPart
from tests.letters import FOLDER, encode, make_letter, make_mail
from tests.maildirs import read_folder, read_tree

ANN = "ann@firm.example"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "mail"


@pytest.fixture
def box(root: Path) -> Maildir:
    return Maildir(root, encode)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*:2,*") if path.is_file()]


def test_mailboxes_and_folders_appear_on_demand_and_any_mail_reader_opens_them(
    box: Maildir, root: Path
) -> None:
    assert box.missing([ANN]) == {}
    box.append([make_letter("x"), make_letter("y", folder="")])
    inbox = standard.Maildir(root / ANN, create=False)
    assert inbox.list_folders() == [FOLDER]
    [in_inbox], [in_folder] = list(inbox), list(inbox.get_folder(FOLDER))
    assert (in_inbox["Subject"], in_folder["Subject"]) == ("y", "x")
    assert (in_folder.get_flags(), in_folder.get_subdir()) == ("S", "cur")
    assert (root / ANN / f".{FOLDER}" / "maildirfolder").exists()


def test_the_hash_is_of_the_bytes_as_encoded(box: Maildir) -> None:
    mail = make_mail("x", attachment=b"\r\n\r\r\n" * 1000)
    [outcome] = box.append([replace(make_letter("x"), mail=mail)])
    assert outcome.content_hash == hashlib.sha256(b"".join(encode(mail))).hexdigest()


def test_what_is_kept_is_hashed_as_it_is_read_back_also_where_it_was_there_already(
    box: Maildir, root: Path
) -> None:
    def kept() -> str:
        return box.inspect(ANN, FOLDER, [outcome.server_id])[outcome.server_id].stored_hash

    [outcome] = box.append([make_letter("x")])
    assert outcome.stored_hash == outcome.content_hash == kept()
    with files(root)[0].open("ab") as file:
        file.write(b"somebody else's words\n")
    [again] = box.append([make_letter("x")])
    assert again.stored_hash == kept() != outcome.stored_hash


def test_files_have_unix_line_ends_and_the_time_when_it_was_said(box: Maildir, root: Path) -> None:
    box.append([make_letter("x")])
    [file] = files(root)
    assert file.read_bytes() == b"".join(encode(make_mail("x"))).replace(b"\r\n", b"\n")
    assert file.stat().st_mtime_ns == make_mail("x").at * 1_000_000


def test_lone_carriage_returns_are_kept(root: Path) -> None:
    def pieces(mail: Mail) -> Iterator[bytes]:
        yield from (b"a\r", b"b\r\r", b"\nc\r", b"", b"\n\r")

    Maildir(root, pieces).append([make_letter("x")])
    assert files(root)[0].read_bytes() == b"a\rb\r\nc\n\r"


def test_everything_is_private_to_its_owner(box: Maildir, root: Path) -> None:
    before = os.umask(0)
    try:
        box.append([make_letter("x")])
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert modes == {0o600, 0o700}


def test_copies_of_one_mail_share_one_file_and_nothing_temporary_is_left(box: Maildir, root: Path) -> None:
    letter = make_letter("x")
    box.append(
        [letter, *(replace(make_letter("x", f"{n}@firm.example"), mail=letter.mail) for n in range(9))]
    )
    assert {path.stat().st_ino for path in files(root)} == {files(root)[0].stat().st_ino}
    assert len(files(root)) == files(root)[0].stat().st_nlink == 10
    assert list((root / ".tmp").iterdir()) == []


def test_a_copy_is_found_after_a_reader_has_changed_its_flags(box: Maildir, root: Path) -> None:
    [outcome] = box.append([make_letter("x")])
    [file] = files(root)
    file.rename(file.with_name(file.name + "FT"))
    assert box.find(ANN, FOLDER, [outcome.delivery_key]) == {outcome.delivery_key: outcome.server_id}


@pytest.mark.parametrize(
    "address",
    ["../../etc@firm.example", "a/b@firm.example", ".hidden@firm.example", "ä%@firm.example", "x" * 254],
)
def test_no_address_leads_out_of_the_root_or_hides_a_mailbox(box: Maildir, root: Path, address: str) -> None:
    box.append([make_letter("x", address)])
    visible = [path for path in root.iterdir() if not path.name.startswith(".")]
    assert len(visible) == 1
    assert len(read_folder(root, visible[0].name, FOLDER)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a/b@firm.example", "a%2Fb@firm.example"),
        ("x" * 250 + "@a.example", "x" * 250 + "@b.example"),
        (".a@firm.example", "%2Ea@firm.example"),
    ],
)
def test_different_addresses_are_different_mailboxes(box: Maildir, root: Path, one: str, other: str) -> None:
    box.append([make_letter("x", one), make_letter("x", other)])
    assert len(read_tree(root)) == 2


def test_folders_with_dots_and_levels_are_told_apart(box: Maildir, root: Path) -> None:
    box.append([make_letter("x", folder=folder) for folder in ("A/B", "A.B", "../A", "A%2EB")])
    assert sorted(standard.Maildir(root / ANN, create=False).list_folders()) == sorted(
        ["A.B", "A%2EB", "%2E%2E.A", "A%252EB"]
    )


def test_a_mailbox_that_is_no_folder_is_refused(box: Maildir, root: Path) -> None:
    root.mkdir()
    (root / ANN).write_text("in the way")
    outcomes = box.append([make_letter("x"), make_letter("x", "bob@firm.example")])
    assert [one.reason for one in outcomes] == ["not-a-mailbox", ""]
    assert box.missing([ANN]) == {ANN: "not-a-mailbox"}
    assert box.find(ANN, FOLDER, [outcomes[0].delivery_key]) == {}


@pytest.fixture
def home_of_an_ordinary_user(tmp_path: Path) -> Iterator[Path]:
    """A folder whose owner we are, and not root, to whom nothing is forbidden."""
    if os.geteuid() != 0:
        yield tmp_path
        return
    home = Path(tempfile.mkdtemp())
    shutil.chown(home, "nobody")
    os.seteuid(home.stat().st_uid)
    try:
        yield home
    finally:
        os.seteuid(0)
        shutil.rmtree(home)


def test_a_mailbox_that_cannot_be_written_is_refused(home_of_an_ordinary_user: Path) -> None:
    box = Maildir(home_of_an_ordinary_user, encode)
    locked = home_of_an_ordinary_user / ANN
    locked.mkdir(mode=0o500)
    outcomes = box.append([make_letter("x"), make_letter("x", "bob@firm.example")])
    assert [one.reason for one in outcomes] == ["mailbox-not-writable", ""]
    assert box.missing([ANN, "bob@firm.example"]) == {ANN: "mailbox-not-writable"}


def test_a_folder_that_cannot_be_written_is_refused(home_of_an_ordinary_user: Path) -> None:
    box = Maildir(home_of_an_ordinary_user, encode)
    box.append([make_letter("x")])
    (home_of_an_ordinary_user / ANN / f".{FOLDER}" / "cur").chmod(0o500)
    outcomes = box.append([make_letter("y"), make_letter("y", folder="")])
    assert [one.reason for one in outcomes] == ["mailbox-not-writable", ""]


def test_a_root_that_cannot_be_written_is_for_a_person_to_mend(home_of_an_ordinary_user: Path) -> None:
    home_of_an_ordinary_user.chmod(0o500)
    with pytest.raises(Fatal, match="Make the folder writable"):
        Maildir(home_of_an_ordinary_user / "mail", encode).append([make_letter("x")])


def test_a_mail_that_cannot_be_encoded_is_refused_in_all_its_copies(root: Path) -> None:
    def picky(mail: Mail) -> Iterator[bytes]:
        yield b"From: "
        if mail.subject == "bad":
            raise Quarantine("missing-from", "the item names nobody")

    letters = [make_letter("bad"), make_letter("good"), make_letter("bad", "bob@firm.example")]
    outcomes = Maildir(root, picky).append(letters)
    assert [one.reason for one in outcomes] == ["missing-from", "", "missing-from"]
    assert read_tree(root) == {(ANN, FOLDER): [b"From: "]}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("call", ["write", "link", "mkdir", "open", "utime"])
def test_a_full_or_broken_disk_is_retried_and_nothing_is_lost_or_doubled(
    box: Maildir, root: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    real = getattr(os, call)
    calls = iter(range(1000))

    def fail_third(*args: object, **options: object) -> object:
        if next(calls) == 2:
            raise OSError(number, os.strerror(number), "secret@firm.example")
        return real(*args, **options)

    letters = [make_letter(item, owner) for item in "xyz" for owner in (ANN, "bob@firm.example")]
    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail_third)
        with pytest.raises(Retriable) as raised:
            box.append(letters)
    assert os.strerror(number) in str(raised.value)
    assert "secret" not in str(raised.value)
    box.append(letters)
    assert sum(map(len, read_tree(root).values())) == 6
    assert list((root / ".tmp").iterdir()) == []


def test_an_attachment_that_cannot_be_read_is_named_as_such(box: Maildir, root: Path) -> None:
    part = MailPart("a", "text/plain", 1, lambda: (root / "no such blob").open("rb"))
    letter = replace(make_letter("x"), mail=replace(make_mail("x"), attachments=(part,)))
    with pytest.raises(Retriable, match="attachment cannot be read from staging"):
        box.append([letter])


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_uses_is_not(
    box: Maildir, root: Path
) -> None:
    left = root / ".tmp" / "left"
    left.mkdir(parents=True)
    (left / "0").write_text("half a mai")
    with disk.scratch(root / ".tmp") as mine:
        (mine / "0").write_text("in use")
        box.append([make_letter("x")])
        assert [path.name for path in (root / ".tmp").iterdir()] == [mine.name]
        assert (mine / "0").read_text() == "in use"


def test_mails_are_on_the_disk_before_they_get_their_names_and_names_before_the_receipt(
    box: Maildir, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[int] = []
    monkeypatch.setattr(disk, "flush", lambda root, written: named.append(len(files(root))))
    box.append([make_letter("x"), make_letter("y")])
    assert named == [0, 2]


def test_without_syncfs_each_file_and_folder_is_flushed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: flushed.append(Path(f"/proc/self/fd/{handle}").readlink())
    )
    written = root / "a" / "b"
    written.parent.mkdir(parents=True)
    written.write_text("x")
    disk.flush_each(root, [str(written)])
    assert flushed == [written, root / "a", root]
