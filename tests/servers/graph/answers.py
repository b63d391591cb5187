"""How each fault looks when Graph answers with it.

429 and 503 are documented, with `Retry-After`; the codes of the named faults are EWS's, as users of Graph
quote them. 502 and 504 come from machines in front of Graph, whose pages are HTML.
"""

from __future__ import annotations

from tests.servers.faults import Fault, Kind
from tests.servers.graph.wire import GraphError, Reply

_STATUSES = {
    401: ("InvalidAuthenticationToken", "Access token has expired or is not yet valid."),
    403: ("ErrorAccessDenied", "Access is denied. Check credentials and try again."),
    404: ("ErrorItemNotFound", "The specified object was not found in the store."),
    409: ("ErrorIrresolvableConflict", "The send or update operation could not be performed."),
    429: ("ApplicationThrottled", "Application is over its MailboxConcurrency limit."),
    500: ("ErrorInternalServerError", "An internal server error occurred. The operation failed."),
    503: ("ServiceNotAvailable", "The service is unavailable."),
}
_PAGES = {502: "Bad Gateway", 504: "Gateway Timeout"}
_NAMED = {
    Kind.SERVER_BUSY: (503, "The server cannot service this request right now. Try again later."),
    Kind.MAILBOX_MOVE: (503, "Mailbox move in progress. Try again later."),
    Kind.QUOTA_EXCEEDED: (403, "Cannot save changes made to an item to store."),
    Kind.TOO_LARGE: (413, "The message exceeds the maximum supported size."),
    Kind.NO_MAILBOX: (404, "The SMTP address has no mailbox associated with it."),
}
OF_MAILBOXES = frozenset({Kind.TOKEN_EXPIRED, *_NAMED})
"""Kinds that the sign-in does not have: with it, all goes well."""

LOST = frozenset({Kind.DROP, Kind.CALL})
SPOILED = frozenset({Kind.TRUNCATE, Kind.GARBLE})
COPIES = {Kind.NOT_STORED: 0, Kind.STORED_TWICE: 2}
GOING_WELL = frozenset({Kind.STALL, Kind.PARTIAL, *COPIES, *SPOILED})
"""Kinds that end in the answer of a call that went well, or in something like it."""


def instead(fault: Fault) -> Reply | GraphError:
    """What is answered in place of the truth.

    Raises:
        AssertionError: the fault is one that answers the truth, or nothing.
    """
    if fault.kind is Kind.TOKEN_EXPIRED:
        return GraphError(401, *_STATUSES[401])
    if fault.kind in _NAMED:
        status, text = _NAMED[fault.kind]
        return GraphError(status, str(fault.kind), text, fault.wait)
    assert fault.kind is Kind.STATUS, fault
    if fault.code in _PAGES:
        page = f"<html><head><title>{fault.code} {_PAGES[fault.code]}</title></head></html>"
        wait = {} if fault.wait is None else {"Retry-After": f"{fault.wait:g}"}
        return Reply(fault.code, page.encode(), {"Content-Type": "text/html", **wait})
    code, text = _STATUSES.get(fault.code, ("UnknownError", ""))
    return GraphError(fault.code, code, text, fault.wait)
