"""Mailboxes of Exchange Server, and of Exchange Online as long as that speaks EWS (until April 2027)."""
