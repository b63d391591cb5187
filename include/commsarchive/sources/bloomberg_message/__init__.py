"""Bloomberg mail and blogs, MSGXML 1.1 to 1.6 and BLOGXML 0.1 and 0.2 (financial formats, section 2)."""

from include.commsarchive.sources.bloomberg_message.source import BloombergMessage

__all__ = ["BloombergMessage"]
