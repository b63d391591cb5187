"""Mailboxes of an IMAP server, into which an administrator may file for everybody."""
