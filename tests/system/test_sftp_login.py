"""Getting in, and not getting in, at real servers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from include.commsarchive.collect.sftp import SftpCollector
from include.commsarchive.collect.sftp_settings import SftpSettings, settings_from
from include.commsarchive.collect.ssh_key import make_ssh_key
from include.commsarchive.errors import Fatal, Retriable
from tests.servers.programs import HOST
from tests.servers.sftp_doubles import PASSWORD, USER, PasswordServer, running_server
from tests.servers.sshd import Sshd, running_sshd

pytestmark = [pytest.mark.anyio, pytest.mark.system]


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running_sshd(tmp_path_factory.mktemp("sshd")) as server:
        (server.folder / "a.xml").write_bytes(b"content")
        yield server


@pytest.fixture
def password_server(tmp_path: Path) -> Iterator[PasswordServer]:
    (tmp_path / "a.xml").write_bytes(b"content")
    with running_server(tmp_path) as server:
        yield server


async def names_at(settings: SftpSettings) -> list[str]:
    """Log in and list."""
    async with SftpCollector(settings) as collector:
        return [file.name for file in await collector.listing(".")]


async def names_once_answered(settings: SftpSettings) -> list[str]:
    """As retries get them: a server that hangs up at once may lose its last words on the way."""
    for _ in range(20):
        with suppress(Retriable):
            return await names_at(settings)
    pytest.fail("the server never says why it hangs up")


def reach(server: Sshd, **extra: object) -> SftpSettings:
    return settings_from(HOST, server.port, server.username, None, {**server.extra, **extra})


async def test_a_private_key_in_the_extra_opens(sshd: Sshd) -> None:
    assert await names_at(reach(sshd)) == ["a.xml"]


async def test_a_key_file_with_a_passphrase_opens(sshd: Sshd, tmp_path: Path) -> None:
    key = asyncssh.import_private_key(sshd.private_key)
    (tmp_path / "id").write_bytes(key.export_private_key(passphrase="open sesame"))
    extra = {"private_key": None, "key_file": str(tmp_path / "id"), "private_key_passphrase": "open sesame"}
    assert await names_at(reach(sshd, **extra)) == ["a.xml"]


async def test_a_passphrase_that_does_not_fit_is_for_a_person_to_mend(sshd: Sshd) -> None:
    locked = (
        asyncssh.import_private_key(sshd.private_key).export_private_key(passphrase="open sesame").decode()
    )
    with pytest.raises(Fatal, match="passphrase") as refusal:
        await names_at(reach(sshd, private_key=locked, private_key_passphrase="barley"))
    assert "barley" not in str(refusal.value)


async def test_a_key_that_is_none_is_for_a_person_to_mend(sshd: Sshd) -> None:
    with pytest.raises(Fatal, match="BEGIN and END") as refusal:
        await names_at(reach(sshd, private_key="half a secret"))
    assert "half a secret" not in str(refusal.value)


async def test_a_key_that_the_server_does_not_know_is_for_a_person_to_mend(sshd: Sshd) -> None:
    with pytest.raises(Fatal, match="login refused"):
        await names_at(reach(sshd, private_key=make_ssh_key("another").private))


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa4096"])
async def test_a_key_made_by_us_opens_when_the_server_has_its_public_half(
    tmp_path: Path, algorithm: str
) -> None:
    pair = make_ssh_key("connector", algorithm=algorithm)
    with running_sshd(tmp_path) as server:
        (tmp_path / "authorized_keys").write_text(pair.public)
        assert await names_at(reach(server, private_key=pair.private)) == []


async def test_the_password_opens(password_server: PasswordServer) -> None:
    extra = {"host_key": password_server.host_key}
    assert await names_at(settings_from(HOST, password_server.port, USER, PASSWORD, extra)) == ["a.xml"]


async def test_the_password_opens_where_the_key_does_not(password_server: PasswordServer) -> None:
    extra = {"host_key": password_server.host_key, "private_key": make_ssh_key("unknown").private}
    assert await names_at(settings_from(HOST, password_server.port, USER, PASSWORD, extra)) == ["a.xml"]


async def test_a_wrong_password_is_tried_once_and_never_shown(password_server: PasswordServer) -> None:
    extra = {"host_key": password_server.host_key}
    settings = settings_from(HOST, password_server.port, USER, "batteries", extra)
    with pytest.raises(Fatal, match="login refused") as refusal:
        await names_at(settings)
    assert password_server.tried == ["batteries"]
    assert "batteries" not in f"{refusal.value} {settings}"


async def test_another_host_key_stops_everything_and_is_named(sshd: Sshd) -> None:
    other = make_ssh_key("another server").public
    offered = asyncssh.import_public_key(sshd.host_key).get_fingerprint()
    with pytest.raises(Fatal, match="unknown host key") as refusal:
        await names_at(reach(sshd, host_key=other))
    assert offered in str(refusal.value)


async def test_the_password_is_not_given_to_a_server_with_another_host_key(
    password_server: PasswordServer,
) -> None:
    extra = {"host_key": make_ssh_key("the real server").public}
    with pytest.raises(Fatal, match="unknown host key"):
        await names_at(settings_from(HOST, password_server.port, USER, PASSWORD, extra))
    assert password_server.tried == []


async def test_a_host_key_of_another_type_is_named_too(sshd: Sshd) -> None:
    other = make_ssh_key("another server", algorithm="rsa4096").public
    with pytest.raises(Fatal, match="unknown host key: ssh-ed25519"):
        await names_at(reach(sshd, host_key=other))


async def test_a_server_may_have_one_of_several_host_keys(sshd: Sshd) -> None:
    both = make_ssh_key("the new key", algorithm="rsa4096").public + sshd.host_key
    assert await names_at(reach(sshd, host_key=both)) == ["a.xml"]


async def test_no_host_key_at_all_lets_nobody_in(sshd: Sshd, tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="unknown host key"):
        await names_at(reach(sshd, host_key=None, known_hosts=str(tmp_path / "none")))


async def test_known_hosts_vouches_for_a_server(sshd: Sshd, tmp_path: Path) -> None:
    known = tmp_path / "known_hosts"
    known.write_text(f"[{HOST}]:{sshd.port} {sshd.host_key}\n")
    assert await names_at(reach(sshd, host_key=None, known_hosts=str(known))) == ["a.xml"]


async def test_a_known_hosts_file_that_is_something_else_is_not_shown(sshd: Sshd, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("some-secret\n")
    with pytest.raises(Fatal, match="wrong") as refusal:
        await names_at(reach(sshd, host_key=None, known_hosts=str(tmp_path / "wrong")))
    assert "some-secret" not in str(refusal.value)


async def test_the_host_key_goes_unchecked_only_when_asked(sshd: Sshd) -> None:
    assert await names_at(reach(sshd, host_key=None, no_host_key_check="true")) == ["a.xml"]


async def test_an_old_server_is_reached_by_naming_its_cipher(tmp_path: Path) -> None:
    with running_sshd(tmp_path, options={"Ciphers": "aes256-cbc"}) as server:
        with pytest.raises(Fatal, match="ciphers"):
            await names_once_answered(reach(server))
        assert await names_at(reach(server, ciphers="aes256-cbc")) == []


async def test_a_cipher_that_nobody_knows_is_for_a_person_to_mend(sshd: Sshd) -> None:
    with pytest.raises(Fatal, match="rot13"):
        await names_at(replace(reach(sshd), ciphers=("rot13",)))
