"""The faults E1 to E26 of the edge: each is injected under load and judged by the ledger."""
