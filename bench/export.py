"""A large, seeded Instant Bloomberg export, encrypted and signed, made with flat memory.

The same seed gives the same export. Sizes follow real IBXML 1.9 files: twenty chat messages a
conversation, four people, half of them the firm's own, about 870 bytes of XML a message. People, firms
and words are invented.

    python bench/export.py --messages 100000 FOLDER
"""

from __future__ import annotations

import argparse
import random
import secrets
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

NAME = "f848135.ib19.260310.xml"
DAY_START = 1_773_086_400  # 2026-03-09 20:00:00 UTC: the vendor's day is cut at 20:00
ARCHIVE, VENDOR = "archive@quillbrook.example", "vendor@bloomberg.example"
PRIVATE_KEY, SIGNER = "private.asc", "signer.asc"
"""Files in the key ring's folder: what opens the export, and who signed it."""

_OWN, _OTHERS, _FIRMS = 400, 800, 40
_ROOM_SIZES = (2, 2, 2, 3, 3, 4, 4, 5, 6, 9)  # four people on average
_LENGTHS = (3, 6, 10, 14, 18, 22, 26, 30, 31, 40)  # twenty messages on average
_FIRST = ("NINA", "RUFUS", "ADA", "JORIS", "MEI", "ZOÉ", "TARIQ", "ŁUKASZ", "PRIYA", "OWEN", "BJÖRN", "IDA")
_LAST = ("OAKES", "PELL", "HARGREAVE", "MÜLLER", "TANAKA", "O'DELL", "SØRENSEN", "VALE", "QUIST", "IYER")
_FIRM_NAMES = ("HALDEN SECURITIES LLP", "NORTH QUAY BANK PLC", "ARDEN & VALE PARTNERS", "SUMMIT RATES AG")
_WORDS = (
    "bid offer mid wide tight swap curve flattener steepener ten year long end cash future roll basis gilt "
    "bund client asks level size axe better seller buyer please show where can you done thanks will revert "
    "after the auction still working it left some behind on screen nothing to report looks heavy into close"
)
_UNUSUAL = ("café rouge at 6? ☕", "€5mm of the DE 10y", "東京 open", "99-16 &amp; 99-18", "&lt;GO&gt;")
_SHARE_PERSISTENT, _SHARE_MOBILE, _SHARE_UNUSUAL = 0.4, 0.05, 0.08
_HEAD = b'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n<FileDump>\n<Version>1.9</Version>\n'


@dataclass(frozen=True, slots=True)
class Export:
    """What was made: the clear file, the encrypted one, the key ring, and how much is in them."""

    clear: Path
    encrypted: Path
    keyring: Path
    messages: int
    conversations: int
    copies: int
    """Copies that fan-out to the mapped participants makes."""


def make_export(folder: Path, messages: int, seed: int = 1) -> Export:
    """Write ``NAME`` and ``NAME.gpg`` below a folder, with keys made on the spot."""
    clear, encrypted, keyring = folder / NAME, folder / f"{NAME}.gpg", folder / "gnupg"
    conversations, copies = write_clear(clear, messages, seed)
    _make_keys(keyring)
    _gpg(keyring, "--trust-model", "always", "-u", VENDOR, "-r", ARCHIVE, "-o", encrypted, "-se", clear)
    return Export(clear, encrypted, keyring, messages, conversations, copies)


def write_clear(clear: Path, messages: int, seed: int = 1) -> tuple[int, int]:
    """Write the clear file; give its conversations, and the copies that fan-out makes of them."""
    conversations = copies = 0
    with clear.open("wb") as sink:
        sink.write(_HEAD)
        for text, own in _conversations(messages, random.Random(seed)):  # noqa: S311 - not for secrets
            sink.write(text.encode())
            conversations += 1
            copies += own
        sink.write(b"</FileDump>\n")
    return conversations, copies


def passphrase(keyring: Path) -> str:
    """Give what protects the private keys of a key ring."""
    return (keyring / "passphrase").read_text()


def stop_agent(keyring: Path) -> None:
    """End the agent that gpg started for a key ring."""
    subprocess.run(["gpgconf", "--homedir", keyring, "--kill", "all"], check=False)


def _make_keys(keyring: Path) -> None:
    keyring.mkdir(mode=0o700)
    (keyring / "passphrase").write_text(secrets.token_hex(16))
    for name in (ARCHIVE, VENDOR):
        _gpg(keyring, "--quick-gen-key", name, "default", "default", "never")
    _gpg(keyring, "--armor", "-o", keyring / PRIVATE_KEY, "--export-secret-keys", ARCHIVE)
    _gpg(keyring, "--armor", "-o", keyring / SIGNER, "--export", VENDOR)


def _gpg(keyring: Path, *arguments: str | Path) -> None:
    command: list[str | Path] = ["gpg", "--homedir", keyring, "--batch", "--yes", "--quiet"]
    command += ["--pinentry-mode", "loopback", "--passphrase-fd", "0", *arguments]
    subprocess.run(command, check=True, capture_output=True, text=True, input=passphrase(keyring))


def _conversations(messages: int, rng: random.Random) -> Iterator[tuple[str, int]]:
    """Give conversations as XML, each with the number of own people in it."""
    own = [_user(rng, number, internal=True) for number in range(_OWN)]
    others = [_user(rng, number, internal=False) for number in range(_OTHERS)]
    words = _WORDS.split()
    texts = [_text(rng, words) for _ in range(20_000)]
    left = messages
    while left:
        length = min(left, rng.choice(_LENGTHS))
        left -= length
        size = rng.choice(_ROOM_SIZES)
        inside = (size + 1) // 2
        people = rng.sample(own, inside) + rng.sample(others, size - inside)
        yield _conversation(rng, people, length, texts), inside


def _conversation(rng: random.Random, people: list[str], length: int, texts: list[str]) -> str:
    start = at = DAY_START + rng.randrange(20 * 3600)
    persistent = rng.random() < _SHARE_PERSISTENT
    room = f"PCHAT-0x{rng.getrandbits(52):013X}" if persistent else f"CHAT-fs:{rng.getrandbits(64):016X}"
    kind = "P" if persistent else "C"
    events = []
    for user in people:
        if persistent:
            note = "[Bloomberg created note: Remains as a participant of the room.]"
            events.append(_event("Message", user, at, room, note))
        else:
            events.append(_event("ParticipantEntered", user, at, room))
    pace = rng.choice((4, 20, 60, 300))
    for _ in range(length):
        at += int(rng.random() * pace)
        mark = ' DeviceType="M"' if rng.random() < _SHARE_MOBILE else ""
        events.append(_event("Message", rng.choice(people), at, room, rng.choice(texts), mark))
    if not persistent:
        events += [_event("ParticipantLeft", user, at, room) for user in people]
    return (
        f'<Conversation Perspective="" RoomType="{kind}">\n<RoomID>{room}</RoomID>\n'
        f"<StartTime>{_stamp(start)}</StartTime>\n<StartTimeUTC>{start}</StartTimeUTC>\n"
        f"{''.join(events)}"
        f"<EndTime>{_stamp(at)}</EndTime>\n<EndTimeUTC>{at}</EndTimeUTC>\n</Conversation>\n"
    )


def _event(kind: str, user: str, at: int, room: str, content: str = "", mark: str = "") -> str:
    said = f"<Content>{content}</Content>\n" if content else ""
    return (
        f'<{kind} InteractionType="N"{mark}>\n{user}<DateTime>{_stamp(at)}</DateTime>\n'
        f"<DateTimeUTC>{at}</DateTimeUTC>\n{said}<ConversationID>{room}</ConversationID>\n</{kind}>\n"
    )


_DAYS = {day: time.strftime("%m/%d/%Y", time.gmtime(day * 86_400)) for day in range(20_521, 20_525)}


def _stamp(at: int) -> str:
    day, second = divmod(at, 86_400)
    return f"{_DAYS[day]} {second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _user(rng: random.Random, number: int, *, internal: bool) -> str:
    """A person as every event repeats them: the firm's own in full, counterparties thinly."""
    first, last = rng.choice(_FIRST), rng.choice(_LAST)
    login = f"{'q' if internal else 'x'}user{number}"
    ids = company = corporate = ""
    if internal:
        ids = (
            f"<ClientID1>E{10_000 + number}</ClientID1>\n<UUID>{7_000_000 + number}</UUID>\n"
            "<FirmNumber>55501</FirmNumber>\n<AccountNumber>30990001</AccountNumber>\n"
        )
        company, corporate = "QUILL BROOK CAPITAL MANAGEMENT", f"person{number}@quillbrook.example"
    else:
        company = f"{rng.choice(_FIRM_NAMES).replace('&', '&amp;')} {number % _FIRMS}"
    return (
        f"<User>\n<LoginName>{login}</LoginName>\n<FirstName>{first}</FirstName>\n<LastName>{last}</LastName>\n"
        f"{ids}<CompanyName>{company}</CompanyName>\n<EmailAddress>{login}@bloomberg.net</EmailAddress>\n"
        f"<CorporateEmailAddress>{corporate}</CorporateEmailAddress>\n</User>\n"
    )


def _text(rng: random.Random, words: list[str]) -> str:
    said = " ".join(rng.choices(words, k=rng.randint(2, 36)))
    end = rng.choice(_UNUSUAL) if rng.random() < _SHARE_UNUSUAL else rng.randint(1, 500)
    return f"{said} {end}"


def main() -> None:
    """Make an export from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    made = make_export(options.folder, options.messages)
    stop_agent(made.keyring)
    print(f"{made.encrypted}: {made.messages:,} messages in {made.conversations:,} conversations")


if __name__ == "__main__":
    main()
