"""How connectors stand, by pure rules: the ledger's numbers and the scheduler's facts in, a verdict out."""
