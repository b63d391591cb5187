"""How Exchange says no: for one item of a batch, or for the whole request (a SOAP fault, HTTP 500)."""

from __future__ import annotations

import uuid

from tests.servers.ews.names import ERRORS, SOAP, TYPES, leaf, plain, tag

TEXTS = {
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorAccountDisabled": "The account is disabled.",
    "ErrorBatchProcessingStopped": "Batch processing stopped because of an earlier failure.",
    "ErrorExceededConnectionCount": "You have exceeded the available concurrent connections for your "
    "account. Try again once your other requests have completed.",
    "ErrorExceededFindCountLimit": "You have exceeded the maximum number of objects that can be returned for "
    "the find operation. Use paging to reduce the result size and try your request again.",
    "ErrorFolderExists": "A folder with the specified name already exists.",
    "ErrorFolderNotFound": "The specified folder could not be found in the store.",
    "ErrorImpersonateUserDenied": "The account does not have permission to impersonate the requested user.",
    "ErrorImpersonationFailed": "ExchangeImpersonation SOAP header must be present for this type of OAuth "
    "token.",
    "ErrorInternalServerError": "An internal server error occurred. The operation failed.",
    "ErrorInternalServerTransientError": "An internal server error occurred. Try again later.",
    "ErrorInvalidExtendedProperty": "The extended property attribute combination is invalid.",
    "ErrorInvalidExtendedPropertyValue": "The extended property value does not match its type.",
    "ErrorInvalidIdMalformed": "Id is malformed.",
    "ErrorInvalidPropertyRequest": "Property is not valid for this operation.",
    "ErrorInvalidRequest": "The request is invalid.",
    "ErrorInvalidServerVersion": "The specified server version is invalid.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMailboxMoveInProgress": "Mailbox move in progress. Try again later.",
    "ErrorMailboxStoreUnavailable": "The mailbox database is temporarily unavailable.",
    "ErrorMessageSizeExceeded": "The message exceeds the maximum supported size.",
    "ErrorMimeContentInvalidBase64String": "The MIME content contains an invalid base64 string.",
    "ErrorNameResolutionMultipleResults": "Multiple results were found.",
    "ErrorNameResolutionNoResults": "No results were found.",
    "ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
    "ErrorQuotaExceeded": "The mailbox has exceeded its quota.",
    "ErrorRestrictionTooLong": "The restriction has more than 255 nodes.",
    "ErrorSchemaValidation": "The request failed schema validation.",
    "ErrorServerBusy": "The server cannot service this request right now. Try again later.",
    "ErrorTimeoutExpired": "The request timed out.",
    "ErrorUnsupportedPathForQuery": "The property can not be used with this type of restriction.",
}
"""What is said with each code; the words are no part of the protocol."""

STOPS_THE_BATCH = frozenset(
    {"ErrorMailboxMoveInProgress", "ErrorMailboxStoreUnavailable", "ErrorQuotaExceeded"}
)
"""After these the rest of a batch is not tried but warned of (documentation of CreateItemResponseMessage)."""


class EwsError(Exception):
    """Why one item of a batch failed; ``values`` are said beside it."""

    def __init__(self, code: str, text: str = "", values: dict[str, str] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.text = text or TEXTS[code]
        self.values = values or {}


class EwsFault(EwsError):
    """Why the whole request failed."""


def busy(wait: float | None) -> EwsFault:
    """Throttled; ``wait`` in seconds, None when the server does not say."""
    values = {} if wait is None else {"BackOffMilliseconds": str(round(wait * 1000))}
    return EwsFault("ErrorServerBusy", values=values)


def fault_body(error: EwsError) -> str:
    """A SOAP fault. ``MessageXml`` is in the types namespace here."""
    values = "".join(
        f'<t:Value Name="{plain(name)}">{plain(value)}</t:Value>' for name, value in error.values.items()
    )
    message_xml = f'<t:MessageXml xmlns:t="{TYPES}">{values}</t:MessageXml>' if values else ""
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Body><s:Fault>'
        f'<faultcode xmlns:a="{TYPES}">a:{error.code}</faultcode>'
        f'<faultstring xml:lang="en-US">{plain(error.text)}</faultstring>'
        f'<detail><e:ResponseCode xmlns:e="{ERRORS}">{error.code}</e:ResponseCode>'
        f'<e:Message xmlns:e="{ERRORS}">{plain(error.text)}</e:Message>{message_xml}</detail>'
        "</s:Fault></s:Body></s:Envelope>"
    )


def response_message(operation: str, inner: str) -> str:
    """One part of an answer that went well."""
    return tag(
        f"m:{operation}ResponseMessage",
        f"<m:ResponseCode>NoError</m:ResponseCode>{inner}",
        ResponseClass="Success",
    )


def refusal_message(operation: str, error: EwsError, *, warning: bool = False, inner: str = "") -> str:
    """One part of an answer that failed, or was not tried."""
    values = "".join(
        f'<t:Value Name="{plain(name)}">{plain(value)}</t:Value>' for name, value in error.values.items()
    )
    said = (
        leaf("m:MessageText", error.text)
        + leaf("m:ResponseCode", error.code)
        + "<m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>"
        + (f"<m:MessageXml>{values}</m:MessageXml>" if values else "")
    )
    kind = "Warning" if warning or error.code == "ErrorNameResolutionMultipleResults" else "Error"
    return tag(f"m:{operation}ResponseMessage", said + inner, ResponseClass=kind)


def new_id() -> str:
    """A request id."""
    return str(uuid.uuid4())
