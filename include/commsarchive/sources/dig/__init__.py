"""Actiance (Smarsh) DIG transcripts (financial formats, section 7b)."""

from include.commsarchive.sources.dig.source import Dig

__all__ = ["Dig"]
