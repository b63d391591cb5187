"""From participants to custodians: whose mailbox keeps a copy. Pure."""
