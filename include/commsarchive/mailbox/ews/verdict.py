"""What Exchange's error codes mean for a letter. Codes: Microsoft's reference of ``ResponseCode``."""

from __future__ import annotations

NO_MAILBOX = "no-such-mailbox"
DISABLED = "mailbox-disabled"
NOT_LICENSED = "mailbox-not-licensed"
ACCESS_DENIED = "access-denied-to-mailbox"
QUOTA_FULL = "mailbox-quota-full"
TOO_LARGE = "message-too-large"
REFUSED = "refused-by-server"

CONNECTION_LOST = "connection-lost"
SERVER_ERROR = "server-error"
GARBLED = "garbled-answer"
THROTTLED = "throttled"
MOVING = "mailbox-moving"
FOLDER_GONE = "folder-gone"
LOGIN_REFUSED = "login-refused"
FORBIDDEN = "forbidden"

REASONS = {
    "ErrorNonExistentMailbox": NO_MAILBOX,
    "ErrorCannotFindUser": NO_MAILBOX,
    "ErrorInvalidSmtpAddress": NO_MAILBOX,
    "ErrorNonPrimarySmtpAddress": NO_MAILBOX,
    "ErrorAccountDisabled": DISABLED,
    "ErrorMailboxConfiguration": DISABLED,
    "ErrorInvalidLicense": NOT_LICENSED,
    "ErrorAccessDenied": ACCESS_DENIED,
    "ErrorCreateItemAccessDenied": ACCESS_DENIED,
    "ErrorCreateSubfolderAccessDenied": ACCESS_DENIED,
    "ErrorImpersonateUserDenied": ACCESS_DENIED,
    "ErrorImpersonationDenied": ACCESS_DENIED,
    "ErrorRecoverableItemsAccessDenied": ACCESS_DENIED,
    "ErrorQuotaExceeded": QUOTA_FULL,
    "ErrorMessagePerFolderCountReceiveQuotaExceeded": QUOTA_FULL,
    "ErrorMessageSizeExceeded": TOO_LARGE,
    "ErrorAttachmentSizeLimitExceeded": TOO_LARGE,
    "ErrorDataSizeLimitExceeded": TOO_LARGE,
    "ErrorContentConversionFailed": REFUSED,
    "ErrorCorruptData": REFUSED,
    "ErrorInvalidExtendedPropertyValue": REFUSED,
    "ErrorItemCorrupt": REFUSED,
    "ErrorItemSavePropertyError": REFUSED,
    "ErrorMimeContentConversionFailed": REFUSED,
    "ErrorMimeContentInvalid": REFUSED,
    "ErrorMimeContentInvalidBase64String": REFUSED,
    "ErrorUnsupportedMimeConversion": REFUSED,
}
"""A clear no that stays: the letter can never be filed as it is."""

OF_THE_MAILBOX = frozenset({NO_MAILBOX, DISABLED, NOT_LICENSED, ACCESS_DENIED, QUOTA_FULL})
"""Reasons that hold for the other letters of a batch, too."""

DOUBTS = {
    "ErrorServerBusy": THROTTLED,
    "ErrorExceededConnectionCount": THROTTLED,
    "ErrorTooManyObjectsOpened": THROTTLED,
    "ErrorMailboxMoveInProgress": MOVING,
    "ErrorFolderNotFound": FOLDER_GONE,
    "ErrorSavedItemFolderNotFound": FOLDER_GONE,
    "ErrorParentFolderNotFound": FOLDER_GONE,
    "ErrorToFolderNotFound": FOLDER_GONE,
}
"""What passes, or may have been done although the server says it failed; so is every code not named here."""

_OLD = "Check that the server is Exchange 2013 SP1 or later"
_NO_SEARCH = "The server cannot find copies by their keys, without which nothing is filed exactly once"
FATAL = {
    "ErrorImpersonationFailed": "Check that the login may impersonate",
    "ErrorInvalidSchemaVersionForMailboxVersion": _OLD,
    "ErrorInvalidServerVersion": _OLD,
    "ErrorSchemaValidation": _OLD,
    "ErrorInvalidRestriction": _NO_SEARCH,
    "ErrorUnsupportedPathForQuery": _NO_SEARCH,
    "ErrorUnsupportedQueryFilter": _NO_SEARCH,
}
"""What no letter and no waiting can mend, each with what can."""


class Trouble(Exception):
    """Why a request, or one part of it, came to nothing: either ``reason`` (never) or ``doubt``.

    ``code`` is what the server called it; ``wait`` the seconds that it asked for.
    """

    def __init__(self, *, reason: str = "", doubt: str = "", code: str = "", wait: float = 0.0) -> None:
        """Keep all of it; ``request_id`` is filled in by who knows it."""
        super().__init__(f"{reason or doubt} ({code})" if code else reason or doubt)
        self.reason = reason
        self.doubt = doubt
        self.code = code
        self.wait = wait
        self.request_id = ""


def trouble(code: str, wait: float = 0.0) -> Trouble:
    """Say what an error code of EWS means."""
    if reason := REASONS.get(code):
        return Trouble(reason=reason, code=code)
    return Trouble(doubt=DOUBTS.get(code, SERVER_ERROR), code=code, wait=wait)
