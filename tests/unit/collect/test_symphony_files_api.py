"""Signing in at a Symphony pod, its list of exports, where they are, and the hashes that it states."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from include.commsarchive.collect.base import UNFINISHED, RemoteFile
from include.commsarchive.collect.symphony_files import PAGE, SymphonyFiles
from include.commsarchive.collect.symphony_settings import settings_from
from include.commsarchive.errors import Fatal, Retriable
from tests.servers.answering import Said
from tests.servers.symphony_pod import ACCOUNT, KEY, UPLOADED, Export, Pod, running_pod

pytestmark = pytest.mark.anyio
DAY = dt.date(2024, 3, 14)
NAME = "a_quillbrook_SD-2024-03-13-00_ED-2024-03-13-23_GD-2024-03-14_1710400000000.zip.pgp"
NO_TOKEN = "signing in.*: the answer holds no token.*clock"
CONTENT = b"\x85\x02 not shown"


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    (tmp_path / "pod").mkdir()
    with running_pod(tmp_path / "pod") as pod:
        yield pod


def collector(
    pod: Pod, login: str = ACCOUNT, waits: list[float] | None = None, **extra: Any
) -> SymphonyFiles:
    async def sleep(seconds: float) -> None:
        (waits if waits is not None else []).append(seconds)

    told = settings_from("pod", (pod.url, None, ""), login, pod.extra | extra)
    return SymphonyFiles(told, DAY, sleep)


async def listed(pod: Pod, **how: Any) -> list[RemoteFile]:
    async with collector(pod, **how) as place:
        return await place.listing(".")


async def test_the_hash_that_a_pod_states_lies_beside_the_file(pod: Pod, tmp_path: Path) -> None:
    pod.put(NAME, CONTENT)
    async with collector(pod) as place:
        export, checksum = await place.listing(".")
        await place.fetch(export, tmp_path / export.name)
        await place.fetch(checksum, tmp_path / checksum.name)
    assert (export.name, export.size, export.mtime) == (NAME, len(CONTENT), UPLOADED)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert (tmp_path / f"{NAME}.sha256").read_text() == hashlib.sha256(CONTENT).hexdigest()


@pytest.mark.parametrize("by_redirect", [False, True])
async def test_the_store_that_a_link_leads_to_is_shown_no_token(
    pod: Pod, tmp_path: Path, *, by_redirect: bool
) -> None:
    pod.by_redirect = by_redirect
    pod.put(NAME, CONTENT)
    async with collector(pod) as place:
        export, _ = await place.listing(".")
        await place.fetch(export, tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == CONTENT
    assert pod.proofs == [""]


def names(listing: list[RemoteFile]) -> list[str]:
    return [file.name for file in listing if not file.name.endswith(".sha256")]


@pytest.mark.parametrize("count", [1, PAGE, PAGE + 1, 2 * PAGE])
@pytest.mark.parametrize("total", [True, False])
async def test_every_page_is_read_from_the_day_before_on(pod: Pod, count: int, *, total: bool) -> None:
    pod.tells_total = total
    for number in range(count):
        pod.put(f"{number:03}.zip", b"x", UPLOADED + number)
    pod.put("old.zip", b"x", UPLOADED - 2 * 86400)
    assert names(await listed(pod)) == [f"{number:03}.zip" for number in range(count)]


async def test_a_page_more_than_needed_is_not_asked_for(pod: Pod) -> None:
    pod.put(NAME, CONTENT)
    await listed(pod)
    assert len([one for one in pod.asked if one.startswith("GET")]) == 1


async def test_a_list_that_changes_while_it_is_read_is_read_again(pod: Pod) -> None:
    pod.put(NAME, CONTENT)
    pod.said = {"GET /files/v1/?": [Said(200, b"[]", {"X-Total-Count": "1"})]}
    with pytest.raises(Retriable, match="states 1 files and has 0"):
        await listed(pod)


async def test_a_file_that_is_deleted_meanwhile_hides_no_other(pod: Pod) -> None:
    for number in range(PAGE + 50):
        pod.put(f"{number:03}.zip", b"x", UPLOADED + number)
    pod.after = {2: lambda: pod.exports.pop("id/000.zip")}
    with pytest.raises(Retriable, match="another one when it is read again"):
        await listed(pod)


async def test_a_pod_that_knows_no_pages_is_not_asked_for_ever(pod: Pod) -> None:
    for number in range(PAGE):
        pod.put(f"{number:03}.zip", b"x", UPLOADED + number)
    pod.tells_total, pod.knows_pages = False, False
    with pytest.raises(Retriable, match="the same files on pages 1 and 2"):
        await listed(pod)


async def test_a_pod_without_files_has_none(pod: Pod) -> None:
    assert await listed(pod) == []


async def test_a_token_that_is_good_no_more_is_renewed(pod: Pod) -> None:
    pod.put(NAME, CONTENT)
    async with collector(pod) as place:
        pod.forget_tokens()
        assert len(await place.listing(".")) == 2


async def test_a_busy_pod_is_asked_again_when_it_says(pod: Pod) -> None:
    pod.put(NAME, CONTENT)
    pod.said = {"GET /files/v1/?": [Said(503, headers={"Retry-After": "7"}), Said(200, b"[{")]}
    waits: list[float] = []
    assert len(await listed(pod, waits=waits)) == 2
    assert waits == [7.0, 2.0]


@pytest.mark.parametrize("answer", [b"<html>", b'{"error": "x"}', b'[{"id": "1"}]'])
async def test_another_server_than_a_pod_is_told_by_its_answers(pod: Pod, answer: bytes) -> None:
    pod.said = {"GET /files/v1/?": [Said(200, answer)] * 5}
    with pytest.raises(Fatal, match=r"connection pod: does not answer as Symphony's Files API"):
        await listed(pod)


@pytest.mark.parametrize(
    ("request_", "answer", "text"),
    [
        (
            "POST /login/pubkey",
            Said(200, b'{"name": "sessionToken"}'),
            NO_TOKEN,
        ),
        ("POST /login/pubkey", Said(200, b"<html>"), NO_TOKEN),
        ("POST /login/pubkey", Said(200, b"[]"), NO_TOKEN),
        ("POST /login/pubkey", Said(401), "signing in: answers 401. Check .*role.*key.*clock"),
        ("POST /login/idm", Said(403), "signing in for files: answers 403"),
        ("POST /login/idm", Said(200, b"{}"), NO_TOKEN),
    ],
)
async def test_a_sign_in_that_fails_is_for_a_person_to_mend(
    pod: Pod, request_: str, answer: Said, text: str
) -> None:
    pod.said = {request_: [answer]}
    with pytest.raises(Fatal, match=f"connection pod: {text}"):
        await listed(pod)


async def test_another_account_is_refused(pod: Pod) -> None:
    with pytest.raises(Fatal, match="answers 401"):
        await listed(pod, login="somebody")


async def test_a_link_that_leads_elsewhere_in_clear_is_not_followed(pod: Pod, tmp_path: Path) -> None:
    pod.put(NAME, CONTENT)
    async with collector(pod) as place:
        export, _ = await place.listing(".")
        leading = Said(302, headers={"Location": "http://127.0.0.1:1/admin"})
        pod.said = {f"GET /files/v1/id%2F{NAME}?": [leading]}
        with pytest.raises(Fatal, match="answers 302"):
            await place.fetch(export, tmp_path / "here")
    assert not (tmp_path / "here").exists()


async def test_a_file_that_the_store_has_no_more_is_left_for_later(pod: Pod, tmp_path: Path) -> None:
    pod.put(NAME, CONTENT)
    async with collector(pod) as place:
        export, _ = await place.listing(".")
        pod.said = {f"GET /files/v1/id%2F{NAME}?": [Said(404)]}
        with pytest.raises(Retriable, match="not there any more"):
            await place.fetch(export, tmp_path / "here")


async def test_two_files_of_one_name_are_one_if_they_have_one_hash(pod: Pod) -> None:
    first = pod.put(NAME, CONTENT)
    pod.exports["again"] = Export("again", NAME, CONTENT, UPLOADED + 1, first.stated)
    assert names(await listed(pod)) == [NAME]
    pod.exports["other"] = Export("other", NAME, CONTENT, UPLOADED + 2, "")
    assert names(await listed(pod)) == [NAME, NAME]


async def test_a_name_that_leads_elsewhere_does_not(pod: Pod) -> None:
    pod.put("../../a_\0\\.zip", CONTENT)
    assert names(await listed(pod)) == [".._.._a___.zip"]


async def test_a_file_that_is_being_made_is_unfinished_and_keeps_no_other(
    pod: Pod, caplog: pytest.LogCaptureFixture
) -> None:
    at = "2024-03-14T01:00:00Z"
    whole = {"id": "1", "name": "a.zip", "size": 1, "uploadTime": at, "integrityHash": None}
    made = [{"id": "2", "name": "b.zip"}, {"id": "3", "name": "c.zip", "size": 1, "uploadTime": None}]
    md5 = {**whole, "id": "4", "name": "d.zip", "integrityHash": "900150983cd24fb0d6963f7d28e17f72"}
    pod.said = {"GET /files/v1/?": [Said(200, json.dumps([whole, *made, md5]).encode())]}
    sizes = [(file.name, file.size) for file in await listed(pod)]
    assert sizes == [("a.zip", 1), ("b.zip", UNFINISHED), ("c.zip", UNFINISHED), ("d.zip", 1)]
    assert [line.getMessage() for line in caplog.records if line.levelname == "WARNING"] == [
        "connection pod: 1 files with a hash that is no SHA-256"
    ]


async def test_an_export_larger_than_stated_is_stopped(pod: Pod, tmp_path: Path) -> None:
    export = pod.put(NAME, CONTENT)
    async with collector(pod) as place:
        file, _ = await place.listing(".")
        pod.stored[export.id] = CONTENT * 100_000
        with pytest.raises(Retriable, match="larger than the"):
            await place.fetch(file, tmp_path / "here")
        with pytest.raises(Retriable, match="larger than the"):
            await place.read(file.path, 1000)


async def test_a_link_that_the_store_does_not_take_is_asked_for_anew(pod: Pod, tmp_path: Path) -> None:
    pod.put(NAME, CONTENT)
    pod.store_says = [Said(403)]
    async with collector(pod) as place:
        file, _ = await place.listing(".")
        with pytest.raises(Retriable, match=r"an export at 127\.0\.0\.1: answers 403 to the link"):
            await place.fetch(file, tmp_path / "here")
        await place.fetch(file, tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == CONTENT


async def test_a_pod_without_the_api_is_told(pod: Pod) -> None:
    pod.said = {"GET /files/v1/?": [Said(404)]}
    with pytest.raises(Fatal, match="there is no Files API"):
        await listed(pod)


def pem(passphrase: str = "") -> str:
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def openssh() -> str:
    return asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_private_key().decode()


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


async def test_a_key_with_a_passphrase_signs_in(pod: Pod) -> None:
    extra = {"private_key": pem("s3cret"), "private_key_passphrase": "s3cret"}
    assert await listed(pod, **extra) == []


def test_a_key_in_openssh_s_format_will_do(pod: Pod) -> None:
    collector(pod, private_key=openssh())


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"private_key": ""}, "no key to sign in with"),
        ({"private_key": [pem()]}, "is no text"),
        ({"private_key": "-----BEGIN"}, "cannot be read"),
        ({"private_key": pem("s3cret")}, "cannot be read"),
        ({"private_key": pem("s3cret"), "private_key_passphrase": "wr0ng"}, "cannot be read"),
        ({"private_key": elliptic()}, "is not RSA"),
        ({"private_key": "", "key_file": "/nowhere"}, "/nowhere cannot be read"),
    ],
)
def test_a_key_that_is_none_is_told_without_showing_it(pod: Pod, extra: dict[str, Any], text: str) -> None:
    with pytest.raises(Fatal, match=text) as told:
        collector(pod, **extra)
    assert "s3cret" not in str(told.value)
    assert "BEGIN" not in str(told.value)


@pytest.mark.parametrize(("host", "login"), [("http://pod.example", ACCOUNT), ("pod.example", "")])
def test_a_connection_in_clear_or_without_an_account_is_refused(host: str, login: str) -> None:
    with pytest.raises(Fatal, match="connection pod: the host must be"):
        settings_from("pod", (host, None, ""), login, {"private_key": pem()})


def test_secrets_do_not_show(pod: Pod) -> None:
    assert "PRIVATE" not in repr(settings_from("pod", (pod.url, None, ""), ACCOUNT, pod.extra))


async def test_a_login_in_netrc_is_nobody_s_business(
    pod: Pod, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login other password s3cret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert await listed(pod) == []
