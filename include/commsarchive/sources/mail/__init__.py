"""Mail in files: EML, mbox, journal reports (collaboration formats, section 19)."""

from include.commsarchive.sources.mail.source import MailFiles

__all__ = ["MailFiles"]
