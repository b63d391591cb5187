"""An archive's journal address: one SMTP mail for each copy."""
