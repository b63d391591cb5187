"""Exchange Online through Microsoft Graph: a `Mailbox` of all the mailboxes that one application may open."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from include.commsarchive.errors import Fatal, Retriable
from include.commsarchive.mailbox.graph.answers import No, Refusal
from include.commsarchive.mailbox.graph.box import Box, Doubt
from include.commsarchive.mailbox.graph.directory import DENIED, GONE, Directory
from include.commsarchive.mailbox.graph.filing import Filing, remove
from include.commsarchive.mailbox.graph.folders import Folders, is_gone
from include.commsarchive.mailbox.graph.letter import DELIVERY_KEY, Wording
from include.commsarchive.mailbox.graph.reading import Match, in_queries, kept, matches
from include.commsarchive.mailbox.graph.settings import GraphSettings
from include.commsarchive.mailbox.graph.tokens import Tokens
from include.commsarchive.mailbox.graph.wire import Wire
from include.commsarchive.mailbox.pace import Clock, Pace
from include.commsarchive.model import Kept, Letter, Outcome

Done = TypeVar("Done")


class GraphMailbox:
    """A `Mailbox` in Exchange Online. Its requests run in an event loop in a thread of its own."""

    keyed = False
    readable = True

    def __init__(self, settings: GraphSettings, wording: Wording, clock: Clock = time.monotonic) -> None:
        """Connect and sign in when first asked. ``clock`` is what waits and budgets go by."""
        self._settings = settings
        self._clock = clock
        self._boxes: dict[str, Box] = {}
        self._let_in = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="graph-mailbox", daemon=True)
        self._thread.start()
        self._wire = self._run(self._connected())
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._directory = Directory(self._wire, settings.place)
        self._folders = Folders(self._wire)
        self._filing = Filing(self._wire, self._directory, self._folders, settings, wording)

    def missing(self, mailboxes: Collection[str]) -> dict[str, str]:
        """See `Mailbox.missing`."""
        with self._explained():
            reasons = self._all(self._in_turn(self._box(one), self._directory.refusal) for one in mailboxes)
        self._let_in = self._let_in or "" in reasons
        if len(reasons) > 1 and set(reasons) == {DENIED} and not self._let_in:
            raise Fatal(
                f"{self._settings.place}: the application may open none of the mailboxes. Grant it "
                "the application permission Mail.ReadWrite, consent to it, or widen the scope that narrows it"
            )
        return {one: reason for one, reason in zip(mailboxes, reasons, strict=True) if reason}

    def find(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> dict[str, str]:
        """See `Mailbox.find`. Of several under one key, the oldest."""
        return {one.key: one.server_id for one in reversed(self._matches(mailbox, folder, delivery_keys))}

    def append(self, letters: Sequence[Letter]) -> list[Outcome]:
        """See `Mailbox.append`."""

        def job(letter: Letter) -> Callable[[Box], Coroutine[Any, Any, Outcome]]:
            return lambda box: self._filing.file(box, letter)

        return self._all(self._in_turn(self._box(one.mailbox), job(one)) for one in letters)

    def inspect(self, mailbox: str, folder: str, server_ids: Collection[str]) -> dict[str, Kept]:
        """See `Mailbox.inspect`."""
        box = self._box(mailbox)
        with self._explained():
            place = self._run(self._in_turn(box, lambda box: self._place(box, folder)))
            if not place:
                return {}

            def job(server_id: str) -> Callable[[Box], Coroutine[Any, Any, Kept | None]]:
                return lambda box: kept(self._wire, box, place, server_id)

            found = self._all(self._in_turn(box, job(one)) for one in server_ids)
        return {one: copy for one, copy in zip(server_ids, found, strict=True) if copy}

    def prune(self, mailbox: str, folder: str, delivery_keys: Collection[str]) -> int:
        """See `Mailbox.prune`."""
        box = self._box(mailbox)
        seen: set[str] = set()
        surplus: list[Match] = []
        for one in self._matches(mailbox, folder, delivery_keys):
            (surplus if one.key in seen else []).append(one)
            seen.add(one.key)
        with self._explained():
            if surplus:
                place = self._run(self._in_turn(box, lambda box: self._place(box, folder)))
                paths = [f"{place}/messages/{quote(one.server_id, safe='')}" for one in surplus]
                self._all(self._in_turn(box, _remover(self._wire, path)) for path in paths)
        return len(surplus)

    def close(self) -> None:
        """See `Mailbox.close`."""
        if not self._loop.is_closed():
            self._run(self._wire.close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _matches(self, mailbox: str, folder: str, keys: Collection[str]) -> list[Match]:
        """Find copies by their keys, oldest first for each key."""
        box = self._box(mailbox)

        def job(keys: Sequence[str]) -> Callable[[Box], Coroutine[Any, Any, list[Match]]]:
            return lambda box: self._look_up(box, folder, keys)

        with self._explained():
            found = self._all(self._in_turn(box, job(some)) for some in in_queries(keys))
        return [match for some in found for match in some]

    async def _look_up(self, box: Box, folder: str, keys: Sequence[str]) -> list[Match]:
        for _ in range(2):  # a folder may have been deleted and made again
            place = await self._place(box, folder)
            if not place:
                return []
            try:
                return await matches(self._wire, box, place, DELIVERY_KEY, keys)
            except No as no:
                if not is_gone(no.answer):
                    raise
            self._folders.forget(box)
        return []

    async def _place(self, box: Box, folder: str) -> str:
        """The path of a folder, ``""`` when there is no such folder or mailbox."""
        try:
            return await self._folders.find(box, await self._directory.path(box), folder)
        except Refusal:
            return ""
        except No as no:
            if no.answer.code in GONE:
                return ""
            raise

    def _box(self, mailbox: str) -> Box:
        """Threads may ask for the same one at once."""
        name = mailbox.casefold()
        return self._boxes.get(name) or self._boxes.setdefault(
            name, Box(mailbox, Pace(self._settings.budget, self._clock))
        )

    async def _in_turn(self, box: Box, job: Callable[[Box], Coroutine[Any, Any, Done]]) -> Done:
        """Do one job when its mailbox and the connection have a slot for it."""
        async with box.slots, self._slots:
            return await job(box)

    async def _connected(self) -> Wire:
        return Wire(self._settings, Tokens(self._settings.application))

    def _run(self, job: Coroutine[Any, Any, Done]) -> Done:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result()

    def _all(self, jobs: Iterable[Coroutine[Any, Any, Done]]) -> list[Done]:
        return self._run(_together(jobs))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn what is not clear into an error that says who must act; no mailbox is named."""
        try:
            yield
        except (Doubt, Refusal) as unclear:
            raise Retriable(
                f"{self._settings.place}: a mailbox cannot be asked now ({unclear.slug}, request "
                f"{unclear.request_id or 'not sent'}). Try again",
                retry_after=unclear.retry_after or None,
            ) from None
        except No as no:
            raise Retriable(
                f"{self._settings.place}: Graph refuses to look into a mailbox ({no.answer.code}, "
                f"request {no.answer.request_id}). Check the application's permissions"
            ) from None


async def _together(jobs: Iterable[Coroutine[Any, Any, Done]]) -> list[Done]:
    """Do jobs side by side; the first error ends them all."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _remover(wire: Wire, path: str) -> Callable[[Box], Coroutine[Any, Any, None]]:
    return lambda box: remove(wire, box, path)
