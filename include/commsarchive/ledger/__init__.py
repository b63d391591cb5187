"""The ledger: what was found, planned, delivered and set aside, and the proof of it."""
