"""Vendor formats, one module each: bytes in, items out. Pure: no files, network, clock or randomness."""
