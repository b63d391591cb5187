"""Instant Bloomberg chat exports, IBXML 1.0 to 1.3 and 1.9 (financial formats, section 1)."""

from include.commsarchive.sources.instant_bloomberg.source import InstantBloomberg

__all__ = ["InstantBloomberg"]
