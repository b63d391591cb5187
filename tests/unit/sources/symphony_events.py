"""Events of Symphony for tests."""

from __future__ import annotations

import json
from typing import Any

START = 1_710_360_300_000


def user(name: str, number: int = 0) -> dict[str, Any]:
    return {
        "userId": number or sum(name.encode()),
        "displayName": name.title(),
        "email": f"{name}@quill.example",
    }


def sent(number: int, who: str, text: str, room: str = "room1", **more: Any) -> dict[str, Any]:
    message = {
        "messageId": f"{room}-{number}",
        "timestamp": START + number * 1000,
        "message": f'<div data-format="PresentationML">{text}</div>',
        "user": user(who),
        "stream": {"streamId": room, "streamType": "ROOM"},
    }
    return {
        "id": f"e{number}",
        "timestamp": message["timestamp"],
        "type": "MESSAGESENT",
        "payload": {"messageSent": {"message": message | more}},
    }


def lines(*records: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def mail(number: int, body: str, *files: tuple[str, bytes]) -> bytes:
    parts = [f"Content-Type: text/plain\n\n{body}".encode()]
    for name, content in files:
        head = f'Content-Disposition: attachment; filename="{name}"\nContent-Transfer-Encoding: 8bit\n\n'
        parts.append(head.encode() + content)
    joined = b"\n--=b\n".join(parts)
    head = (
        "From: nina@quill.example\nTo: tobias@quill.example\nDate: Wed, 13 Mar 2024 20:05:00 +0000\n"
        f"Message-ID: <{number}@pod.example>\nContent-Type: multipart/mixed; boundary==b\n\n"
    ).replace("boundary==b", 'boundary="=b"')
    return head.encode() + b"--=b\n" + joined + b"\n--=b--\n"
