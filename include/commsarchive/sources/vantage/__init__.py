"""Actiance (FaceTime) Vantage exports, ``FileDump`` XML (financial formats, section 7a)."""

from include.commsarchive.sources.vantage.source import Vantage

__all__ = ["Vantage"]
