"""Who has a mailbox: the organisation's own list of its people."""
