"""Microsoft Persistent Chat (Group Chat) compliance XML (financial formats, section 6.2)."""

from include.commsarchive.sources.persistent_chat.source import PersistentChat

__all__ = ["PersistentChat"]
