"""What somebody must be told: rules over what the ledger, the schedules and the keys say."""
