"""One letter into one mailbox: in one request where it fits, and else never half of it.

A message whose files do not fit into the request that makes it bears the property `UNFINISHED` instead of
its delivery key, which the last request gives it when all files are there. Whatever ends in between, the key
is not found, and the next try goes on with the message that is there.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from include.commsarchive.errors import Fatal
from include.commsarchive.mailbox.base import NOT_SENT, PURGES
from include.commsarchive.mailbox.graph import letter as writing
from include.commsarchive.mailbox.graph.answers import Answer, No, Refusal
from include.commsarchive.mailbox.graph.box import Box, Doubt
from include.commsarchive.mailbox.graph.directory import DENIED, GONE, Directory
from include.commsarchive.mailbox.graph.folders import Folders, is_gone
from include.commsarchive.mailbox.graph.letter import DELIVERY_KEY, UNFINISHED, Wording
from include.commsarchive.mailbox.graph.reading import attachment_names, in_queries, matches
from include.commsarchive.mailbox.graph.settings import GraphSettings
from include.commsarchive.mailbox.graph.sheets import split, with_body_attached
from include.commsarchive.mailbox.graph.uploads import Uploads
from include.commsarchive.mailbox.graph.wire import Wire
from include.commsarchive.model import Letter, Mail, MailPart, Outcome

_FILED = "no"
"""What `UNFINISHED` says of a message that has all its files."""

_BLOCK = 1 << 20


class Filing:
    """Files letters below somebody's place in Graph."""

    def __init__(
        self, wire: Wire, directory: Directory, folders: Folders, settings: GraphSettings, wording: Wording
    ) -> None:
        """Share what is known of people and folders."""
        self._wire = wire
        self._directory = directory
        self._folders = folders
        self._settings = settings
        self._wording = wording
        self._uploads = Uploads(wire, wording)

    async def file(self, box: Box, letter: Letter) -> Outcome:
        """File one letter.

        Raises:
            Retriable: an attachment cannot be read, or the sign-in cannot be reached.
            Fatal: Graph refuses us.
        """
        key = letter.delivery_key
        try:
            try:
                return await self._file_or_explain(box, letter)
            except Refusal as refusal:
                await self._tidy(box, letter)
                return Outcome(key, reason=refusal.slug, request_id=refusal.request_id)
        except Doubt as doubt:
            return Outcome(key, doubt=doubt.slug, retry_after=doubt.retry_after, request_id=doubt.request_id)

    async def _file_or_explain(self, box: Box, letter: Letter) -> Outcome:
        if wait := box.pace.wait(upload=1):
            raise Doubt(NOT_SENT, wait)
        try:
            return await self._file(box, letter)
        except No as no:
            raise await self._explained(box, letter.folder, no.answer) from None

    async def _file(self, box: Box, letter: Letter) -> Outcome:
        place = await self._directory.path(box)
        folder = await self._folders.ensure(box, place, letter.folder)
        mails = await asyncio.to_thread(self._spread, letter.mail)
        first, *others = zip(mails, _keys(letter, len(mails)), strict=True)
        for mail, key in others:
            if not await matches(self._wire, box, folder, DELIVERY_KEY, [key]):
                await self._file_mail(box, folder, mail, key)
        return await self._file_mail(box, folder, *first)

    def _spread(self, mail: Mail) -> list[Mail]:
        """Make of a mail messages that are not too large, the mail's own first."""
        if len(mail.html or mail.text) > writing.REQUEST_SIZE // 8:
            bare = writing.create_body(mail, (DELIVERY_KEY, ""), (), self._wording)
            if len(bare) > writing.REQUEST_SIZE - 1000:
                mail = with_body_attached(mail)
        if not mail.attachments:
            return [mail]
        return split(mail, self._settings.message_size * 7 // 10)  # base64 makes four bytes of three

    async def _file_mail(self, box: Box, folder: str, mail: Mail, key: str) -> Outcome:
        if not mail.attachments:
            return await self._create(box, folder, self._body(mail, key, ()), key)
        bare = await asyncio.to_thread(self._body, mail, key, ())
        if writing.fits(bare, mail.attachments):
            body = await asyncio.to_thread(self._body, mail, key, mail.attachments)
            return await self._create(box, folder, body, key)
        return await self._file_in_steps(box, folder, mail, key)

    def _body(self, mail: Mail, key: str, parts: Sequence[MailPart]) -> bytes:
        return writing.create_body(mail, (DELIVERY_KEY, key), parts, self._wording)

    async def _create(self, box: Box, folder: str, body: bytes, key: str) -> Outcome:
        content_hash = hashlib.sha256(body).hexdigest()
        answer = _yes(await self._wire.send(box, "POST", f"{folder}/messages", body))
        return Outcome(key, answer.text("id"), content_hash, request_id=answer.request_id)

    async def _file_in_steps(self, box: Box, folder: str, mail: Mail, key: str) -> Outcome:
        """Make a message, or go on with one; add its files one by one; then give it its key."""
        body = await asyncio.to_thread(writing.create_body, mail, (UNFINISHED, key), (), self._wording)
        content_hash = await asyncio.to_thread(_hash_of, body, mail.attachments)
        server_id = await self._unfinished(box, folder, mail, key)
        if not server_id:
            server_id = (await self._create(box, folder, body, key)).server_id
        message = f"{folder}/messages/{quote(server_id, safe='')}"
        for part in mail.attachments[len(await attachment_names(self._wire, box, message)) :]:
            await self._uploads.attach(box, message, part)
        if Counter(await attachment_names(self._wire, box, message)) != self._names(mail.attachments):
            raise Doubt("files-not-stored")
        await self._remove(box, folder, UNFINISHED, [key], but=server_id)
        done = writing.key_body((DELIVERY_KEY, key), (UNFINISHED, _FILED))
        answer = _yes(await self._wire.send(box, "PATCH", message, done))
        return Outcome(key, server_id, content_hash, request_id=answer.request_id)

    async def _unfinished(self, box: Box, folder: str, mail: Mail, key: str) -> str:
        """Find the message that an earlier try has left; one that cannot be gone on with is removed."""
        good = ""
        for match in await matches(self._wire, box, folder, UNFINISHED, [key]):
            message = f"{folder}/messages/{quote(match.server_id, safe='')}"
            names = await attachment_names(self._wire, box, message)
            if not good and Counter(names) == self._names(mail.attachments[: len(names)]):
                good = match.server_id
            else:
                await remove(self._wire, box, message)
        return good

    async def _tidy(self, box: Box, letter: Letter) -> None:
        """Remove what was begun of a letter that cannot be filed, where its mailbox lets us.

        Where its own message is there in spite of the refusal, so must the others be.
        """
        if not letter.mail.attachments:
            return
        key, *others = _keys(letter, len(await asyncio.to_thread(self._spread, letter.mail)))
        try:
            place = await self._directory.path(box)
            if folder := await self._folders.find(box, place, letter.folder):
                await self._remove(box, folder, UNFINISHED, [key, *others])
                if others and not await matches(self._wire, box, folder, DELIVERY_KEY, [key]):
                    await self._remove(box, folder, DELIVERY_KEY, others)
        except (No, Refusal):
            return

    async def _remove(self, box: Box, folder: str, name: str, keys: Sequence[str], but: str = "") -> None:
        """Remove the messages whose property is one of these keys, but for one."""
        for some in in_queries(keys):
            for match in await matches(self._wire, box, folder, name, some):
                if match.server_id != but:
                    await remove(self._wire, box, f"{folder}/messages/{quote(match.server_id, safe='')}")

    def _names(self, parts: Sequence[MailPart]) -> Counter[str]:
        return Counter([self._wording.header_text(part.name) for part in parts])

    async def _explained(self, box: Box, folder: str, answer: Answer) -> Refusal | Doubt:
        """Tell why Graph says no to a letter: its mailbox, its folder, or the letter itself.

        Raises:
            Fatal: the tenant lets nobody into that folder.
        """
        denied = answer.status == HTTPStatus.FORBIDDEN
        if answer.code in GONE or denied:
            if reason := await self._refusal(box):
                return Refusal(reason, answer.request_id)
        elif is_gone(answer):
            self._folders.forget(box)
        if folder == PURGES and (is_gone(answer) or denied):
            raise Fatal(
                f"{self._settings.place}: Graph does not let messages into {PURGES} here. Set "
                "`deliver.folder` to a folder below the Inbox"
            )
        if answer.status == HTTPStatus.BAD_REQUEST and not is_gone(answer):
            return Refusal("refused-by-server", answer.request_id)
        return Doubt("folder-gone" if is_gone(answer) else "server-error", request_id=answer.request_id)

    async def _refusal(self, box: Box) -> str:
        try:
            return await self._directory.refusal(box)
        except No:
            return DENIED


async def remove(wire: Wire, box: Box, message: str) -> None:
    """Take a message (a path) out of its folder.

    Raises:
        No: it cannot be.
        Doubt: there is no clear answer.
    """
    answer = await wire.send(box, "POST", f"{message}/permanentDelete")
    if not answer.ok:  # national clouds do not have it
        _yes(await wire.send(box, "DELETE", message))


def _keys(letter: Letter, messages: int) -> list[str]:
    """The keys of the messages that a letter is spread over; the first one's is its own."""
    key = letter.delivery_key
    return [key, *(f"{key}.{number}" for number in range(2, messages + 1))]


def _yes(answer: Answer) -> Answer:
    if not answer.ok:
        raise No(answer)
    return answer


def _hash_of(body: bytes, parts: Sequence[MailPart]) -> str:
    """Hash what is sent: the JSON, then the files."""
    content = hashlib.sha256(body)
    for part in parts:
        for block in writing.blocks(part, _BLOCK):
            content.update(block)
    return content.hexdigest()
