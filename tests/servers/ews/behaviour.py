"""What an Exchange may be like: switches that a test sets on a running server."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

MIB = 1024 * 1024


@dataclass
class Budget:
    """Bytes that a mailbox may be sent: so many a second, so many at once."""

    bytes_per_second: float
    burst: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)

    def take(self, mailbox: str, size: int) -> float:
        """Take from what a mailbox may be sent; 0, or the seconds to wait when there is not enough."""
        now = time.monotonic()
        left, then = self._left.get(mailbox, (self.burst, now))
        left = min(self.burst, left + (now - then) * self.bytes_per_second)
        if size > left and left < self.burst:
            self._left[mailbox] = (left, now)
            return (min(size, self.burst) - left) / self.bytes_per_second
        self._left[mailbox] = (left - size, now)
        return 0.0


@dataclass
class Behaviour:
    """The defaults are Exchange's; times are in seconds, sizes in bytes.

    * ``honours_dates``, ``honours_flags``, ``honours_class``: does what 0x0E06, 0x0039, 0x0E07 and 0x001A ask
      for. Exchange Server does; nobody promises it.
    * ``keeps_x_headers``: X- headers of MIME content come back.
    * ``rewrites_mime``: MIME content comes back made anew from properties, not as it was sent.
    * ``purges_takes_items``: CreateItem may save into Recoverable Items/Purges.
    * ``find_limit``: EWSFindCountLimit, the most that one FindItem or FindFolder answers with.
    * ``max_request``: the cap of IIS; ``oversize_status`` is the answer to more, 0 to hang up.
    * ``max_message``: the largest item, None without a limit.
    * ``max_concurrency``: EWSMaxConcurrency, requests for one mailbox at the same time.
    * ``latency`` and ``item_latency``: time that a request and each of its items take.
    * ``token_life``: how long a token is good.
    * ``offers``: ways to log in that a 401 names.
    * ``partial_code``: the code of parts that `Kind.PARTIAL` lets fail.
    * ``most_nodes``: nodes of a restriction, counted as strictly as "ErrorRestrictionTooLong" can be read.
    * ``foreign``: answers come as another maker's server writes them (`tests.servers.ews.dialect`).
    """

    honours_dates: bool = True
    honours_flags: bool = True
    honours_class: bool = True
    keeps_x_headers: bool = True
    rewrites_mime: bool = True
    purges_takes_items: bool = True
    find_limit: int = 1000
    max_request: int = 64 * MIB
    oversize_status: int = 0
    max_message: int | None = None
    max_concurrency: int = 27
    latency: float = 0.0
    item_latency: float = 0.0
    budget: Budget | None = None
    token_life: float = 3599.0
    offers: tuple[str, ...] = ("NTLM", "Basic", "Bearer")
    partial_code: str = "ErrorInternalServerTransientError"
    most_nodes: int = 255
    foreign: bool = False
