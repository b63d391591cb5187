"""Leases of open intents: how long they last."""

from __future__ import annotations

import math


def seconds_left(since: int, lease: float, now: int) -> int:
    """Say for how many seconds, rounded up, a lease lasts yet that began at ``since`` (ms)."""
    return max(0, math.ceil((since - now) / 1000 + lease))
