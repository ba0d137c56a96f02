"""A projector to be broken: its own database and topics, histories to fold, and a ledger that asks at its doors."""
