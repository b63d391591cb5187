"""Getting what a source delivered: one small Protocol, one adapter for each way in."""
