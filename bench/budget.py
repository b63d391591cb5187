"""What one emulated mailbox takes: Graph's rate of 150 MB in 300 seconds, in less time."""

BUDGET = 20_000_000
"""Bytes of upload."""

WINDOW = 40.0
"""Seconds."""
