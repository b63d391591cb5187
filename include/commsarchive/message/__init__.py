"""From an item to a mail: bodies, addresses, RFC 5322 bytes. Pure."""
