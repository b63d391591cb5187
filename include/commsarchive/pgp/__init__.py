"""OpenPGP: decrypt as a stream, check signers, make and watch keys."""
