"""The demo's own exports: fictional people and firms, written from screenplays by `make_samples`."""
