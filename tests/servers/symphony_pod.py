"""A Symphony pod's sign-in and Files API 1.0.1 on loopback, and the store that its links lead to.

What it answers follows Symphony's public specifications (finos/symphony-api-spec: login, files-api-1.0.1).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.servers.answering import Said, answering
from tests.servers.graph.certificate import write_certificate
from tests.servers.programs import HOST

ACCOUNT = "svc-archive"
UPLOADED = 1_710_400_000
"""2024-03-14 07:06:40 UTC."""
KEY = rsa.generate_private_key(65537, 2048)
PRIVATE = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
).decode()
SIGNATURE = "?X-Goog-Credential=svc%40p.iam%2F20240314%2Fauto&X-Goog-Signature=a%3Db"
"""It is good for the very letters of the address."""
_LONGEST = 300


@dataclass
class Export:
    """A file of the pod; ``stated`` is the hash that the pod says it has."""

    id: str
    name: str
    content: bytes
    uploaded: int
    stated: str


@dataclass
class Pod:
    """Exports by id. ``said`` replaces answers, by the request's beginning: ``GET /files/v1/?``."""

    folder: Path
    exports: dict[str, Export] = field(default_factory=dict)
    said: dict[str, list[Said]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)
    """What was shown to the store."""
    stored: dict[str, bytes] = field(default_factory=dict)
    """What the store has instead, by id."""
    store_says: list[Said] = field(default_factory=list)
    """What it answers instead, one after the other."""
    after: dict[int, Callable[[], object]] = field(default_factory=dict)
    """What happens before a page of this number is listed, once."""
    by_redirect: bool = False
    tells_total: bool = True
    knows_pages: bool = True
    port: int = 0
    store_port: int = 0
    _tokens: int = 0

    @property
    def certificate(self) -> Path:
        return self.folder / "loopback.pem"

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @property
    def extra(self) -> dict[str, str]:
        """What a connection says of it."""
        return {"collector": "symphony_files", "private_key": PRIVATE, "verify": str(self.certificate)}

    def put(
        self,
        name: str,
        content: bytes,
        mtime: int = 1_710_400_000,
        number: str = "",
        stated: str | None = None,
    ) -> Export:
        """Upload a file; ``stated`` is a hash other than its own, or ``""``."""
        sha256 = hashlib.sha256(content).hexdigest() if stated is None else stated
        export = Export(number or f"id/{name}", name, content, mtime, sha256)
        self.exports[export.id] = export
        return export

    def forget_tokens(self) -> None:
        """Let every token that was given be good no more."""
        self._tokens += 1

    def post(self, target: str, headers: dict[str, str], body: bytes) -> Said:
        parts = urlsplit(target)
        if parts.path == "/login/pubkey/authenticate":
            try:
                claims = jwt.decode(json.loads(body)["token"], KEY.public_key(), algorithms=["RS512"])
            except jwt.InvalidTokenError:
                return Said(401, b'{"code": 401}')
            if claims["sub"] != ACCOUNT or claims["exp"] > time.time() + _LONGEST:
                return Said(401, b'{"code": 401}')
            return _json({"name": "sessionToken", "token": "session"})
        if parse_qs(parts.query).get("scope") != ["sym-files"] or headers.get("sessiontoken") != "session":
            return Said(403, b'{"code": 403}')
        self.forget_tokens()
        return _json({"token_type": "Bearer", "expires_in": 3600, "access_token": f"jwt-{self._tokens}"})

    def get(self, target: str, headers: dict[str, str]) -> Said:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if headers.get("authorization") != f"Bearer jwt-{self._tokens}":
            return Said(401, b'{"error": "Invalid session token"}')
        if query.get("type") != "ContentExport":
            return Said(400, b'{"error": "Invalid query parameters"}')
        path = parts.path.removeprefix("/files/v1/")
        if not path:
            return self._list(query)
        return self._file(*path.partition("/"))

    def _file(self, number: str, _: str, what: str) -> Said:
        export = self.exports.get(unquote(number))
        if not export:
            return Said(404, b'{"error": "File not found"}')
        if what == "metadata":
            return _json(_told(export))
        link = f"https://{HOST}:{self.store_port}/bucket/{number}{SIGNATURE}"
        if self.by_redirect:
            return Said(302, headers={"Location": link})
        return _json({"message": "Redirecting to signed URL for download.", "signedUrl": link})

    def from_store(self, target: str, headers: dict[str, str]) -> Said:
        """Answer as the store that links lead to: whoever has the link may read."""
        self.proofs.append(headers.get("authorization", ""))
        if self.store_says:
            return self.store_says.pop(0)
        if not target.endswith(SIGNATURE):
            return Said(403)
        export = self.exports.get(unquote(urlsplit(target).path.removeprefix("/bucket/")))
        return Said(200, self.stored.get(export.id, export.content)) if export else Said(404)

    def _list(self, query: dict[str, str]) -> Said:
        if query.get("sortBy") != "uploadTime" or int(query["pageSize"]) > 100:
            return Said(400, b'{"error": "Invalid query parameters"}')
        self.after.pop(int(query["page"]), lambda: None)()
        after = dt.datetime.fromisoformat(query["upload-after"]).timestamp()
        found = sorted(
            (one for one in self.exports.values() if one.uploaded > after), key=lambda one: one.uploaded
        )
        number = int(query["page"]) if self.knows_pages else 1
        start = (number - 1) * int(query["pageSize"])
        page = [_told(one) for one in found[start : start + int(query["pageSize"])]]
        total = {"X-Total-Count": str(len(found))} if self.tells_total else {}
        return Said(200, json.dumps(page).encode(), total)


def _told(export: Export) -> dict[str, Any]:
    at = dt.datetime.fromtimestamp(export.uploaded, dt.UTC)
    return {
        "id": export.id,
        "name": export.name,
        "type": "ContentExport",
        "size": len(export.content),
        "uploadTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "contentType": "application/pgp-encrypted",
        **({"integrityHash": export.stated} if export.stated else {}),
        "encryption": {"encryptionKeyId": "key_123", "alg": "AES256-GCM"},
        "typeSpecificMetadata": {"jobType": "SCHEDULED", "fileFormat": "Actiance"},
    }


def _json(told: Any) -> Said:
    return Said(200, json.dumps(told).encode())


@contextmanager
def running_pod(folder: Path) -> Iterator[Pod]:
    """Run pod and store until the block ends; certificate and key lie in ``folder``."""
    pod = Pod(folder)
    write_certificate(pod.certificate)

    def answer(target: str, headers: dict[str, str], body: bytes | None) -> Said:
        verb = "GET" if body is None else "POST"
        pod.asked.append(f"{verb} {target}")
        for beginning, answers in pod.said.items():
            if answers and pod.asked[-1].startswith(beginning):
                return answers.pop(0)
        return pod.get(target, headers) if body is None else pod.post(target, headers, body)

    with ExitStack() as running:
        pod.port = running.enter_context(answering(answer, pod.certificate))
        pod.store_port = running.enter_context(
            answering(lambda target, headers, _: pod.from_store(target, headers), pod.certificate)
        )
        yield pod
