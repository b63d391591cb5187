"""One file onto a message that is there: small ones in one request, large ones in ranges.

Sizes and order are those of Microsoft's outlook-large-attachments: a session for 3 to 150 MB, ranges of less
than 4 MB in their order, an address that needs no token.
"""

from __future__ import annotations

import asyncio
from contextlib import closing

from include.commsarchive.mailbox.graph.answers import No
from include.commsarchive.mailbox.graph.box import Box, Doubt, room
from include.commsarchive.mailbox.graph.letter import Wording, blocks, file_body, session_body, to_bytes
from include.commsarchive.mailbox.graph.wire import Wire
from include.commsarchive.model import MailPart

SMALL = 3_000_000
"""Files of fewer bytes go in one request."""

RANGE = 12 * 320 * 1024
"""Bytes of one range: less than 4 MB."""

_TOO_SMALL = "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize"


class Uploads:
    """Adds files to messages."""

    def __init__(self, wire: Wire, wording: Wording) -> None:
        """Use these connections."""
        self._wire = wire
        self._wording = wording

    async def attach(self, box: Box, message: str, part: MailPart) -> None:
        """Add one file to a message (a path).

        Raises:
            Refusal: it is too large.
            No: Graph does not take it.
            Doubt: there is no clear answer, or no room for so many bytes now.
            Retriable: it cannot be read.
        """
        if part.size < SMALL:
            await self._post(box, message, part)
            return
        with room(box, part.size):  # all of it at once, so that what is begun can end
            body = session_body(part, self._wording)
            answer = await self._wire.send(box, "POST", f"{message}/attachments/createUploadSession", body)
            if answer.ok:
                await self._put(box, answer.text("uploadUrl"), part)
                return
        if answer.code != _TOO_SMALL:
            raise No(answer)
        await self._post(box, message, part)

    async def _post(self, box: Box, message: str, part: MailPart) -> None:
        body = await asyncio.to_thread(lambda: to_bytes(file_body(part, self._wording)))
        answer = await self._wire.send(box, "POST", f"{message}/attachments", body)
        if not answer.ok:
            raise No(answer)

    async def _put(self, box: Box, address: str, part: MailPart) -> None:
        start = 0
        with closing(blocks(part, RANGE)) as pieces:
            while piece := await asyncio.to_thread(next, pieces, b""):
                place = f"{start}-{start + len(piece) - 1}/{part.size}"
                answer = await self._wire.put(box, address, piece, place)
                if not answer.ok:  # the session is no more; the next try opens another
                    raise Doubt("upload-broken", request_id=answer.request_id)
                start += len(piece)
