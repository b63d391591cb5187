"""``make demo``, ``make up``, ``make down``: sample days, from the vendors' servers to mailboxes."""
