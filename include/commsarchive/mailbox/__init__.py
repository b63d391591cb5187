"""Destinations: one small Protocol, one adapter for each kind of mailbox."""
