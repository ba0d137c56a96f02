"""Things are broken under load, and a ledger kept outside is reconciled."""
