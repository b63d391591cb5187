"""Names that Exchange and we must agree on, whichever way its mailboxes are reached.

Both adapters file under the same key: what one of them has filed, the other one finds.
"""

from __future__ import annotations

import uuid

from include.commsarchive.model import Retention

PROPERTY_SET = "6a0c52d4-3b1f-4f0e-9d57-c1e7a8b94e26"
"""The namespace of our named properties: never to be changed."""

DELIVERY_KEY = "CommsarchiveDeliveryKey"
"""Our property (a string) that a finished copy bears, and is looked up by."""

UNFINISHED = "CommsarchiveUnfinished"
"""Our property (a string, the delivery key) of a copy whose attachments have not all come yet."""

BODY_ATTACHED = "CommsarchiveBodyAttached"
"""Our property (a string, the file's name) of a copy whose body is one of its attachments."""

MESSAGE_FLAGS = 0x0E07  # [MS-OXCMSG] 2.2.1.6
FLAG_READ = 1
DELIVERY_TIME = 0x0E06
SUBMIT_TIME = 0x0039
MESSAGE_CLASS = 0x001A
TRANSPORT_HEADERS = 0x007D
IN_REPLY_TO = 0x1042
REFERENCES = 0x1039
POLICY_TAG = 0x3019
RETENTION_PERIOD = 0x301A


def policy_tag(retention: Retention | None) -> bytes | None:
    """Give the value of `POLICY_TAG`: the label's GUID, little-endian; None for a label that is a name."""
    try:
        return uuid.UUID(retention.label).bytes_le if retention else None
    except ValueError:
        return None
