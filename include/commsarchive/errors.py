"""Errors, sorted by who must act. Ground floor: standard library only."""

from __future__ import annotations


class CommsArchiveError(Exception):
    """Root of every error that this product raises on purpose.

    The text names the file or place, what is wrong and the remedy. It never holds message
    content, personal data or secrets: it ends up in task logs.
    """


class Fatal(CommsArchiveError):
    """A person must mend something (configuration, key, permission); trying again cannot help."""


class Retriable(CommsArchiveError):
    """The outside world failed (network, throttling, disk); the same call may succeed later.

    ``retry_after`` is the wait that the other side asked for, in seconds, or None.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Keep the other side's wait beside the message."""
        super().__init__(message)
        self.retry_after = retry_after


class Quarantine(CommsArchiveError):
    """This one thing is bad: set it aside with its bytes and this reason, and go on.

    ``reason`` is a stable slug (``bad-signature``, ``missing-date``) that people filter by;
    the message says the rest.
    """

    def __init__(self, reason: str, message: str) -> None:
        """Keep the slug beside the message."""
        super().__init__(message)
        self.reason = reason
