"""Files of your own, read as a profile says: a declaration of which field is what, never code."""

from include.commsarchive.sources.own_files.source import OwnFiles

__all__ = ["OwnFiles"]
