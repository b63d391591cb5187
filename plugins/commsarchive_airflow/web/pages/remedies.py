"""How to mend what was set aside, by its reason; docs/failures.md says more about each."""

from __future__ import annotations

_SEND_AGAIN = "Ask the vendor to send it again, then archive the day again"
_MAILBOX = "Mend the mailbox, then replay"
_LIMIT = "Raise the limit that the detail names, if the size is right, then replay"

_REMEDIES = {
    "Add the mailbox to the mapping, then replay": "person-unmapped nobody-mapped",
    "Add the private key to the connection, then replay": "no-key",
    "Have the vendor confirm the key, add it to the signers, then replay": "unknown-signer",
    "Have the vendor switch on integrity protection and send it again": "no-integrity-protection",
    "Ask the vendor why; or allow unencrypted files, then replay": "not-encrypted",
    _LIMIT: "decompression-bomb attachment-too-large event-too-large message-too-large record-too-large",
    "Ask the vendor what it is": "too-large unsafe-member packed-too-large",
    "Have the new version added, then replay": "unknown-version",
    "Mend the file patterns or the source of the connector, then replay": (
        "not-a-mail not-bloomberg-message not-instant-bloomberg not-symphony not-vantage no-conversations "
        "unknown-encoding"
    ),
    "Mend the profile, then replay; or the file, and have it sent again": "wrong-columns row-does-not-fit",
    "Report it; after the update, replay": "parser-fault refused-by-server address-refused",
    "When the API answers as it should, archive the day again": "broken-page",
    "When the conversations have come, archive the day again": "attachments-alone",
    _MAILBOX: (
        "no-such-mailbox not-a-mailbox mailbox-not-writable mailbox-disabled mailbox-not-licensed "
        "mailbox-quota-full access-denied-to-mailbox"
    ),
}
_BY_REASON = {reason: text for text, reasons in _REMEDIES.items() for reason in reasons.split()}


def remedy(reason: str) -> str:
    """Say what to do about a reason; what is not listed came broken."""
    return _BY_REASON.get(reason, _SEND_AGAIN)
