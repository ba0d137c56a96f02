"""The public port: what reads requests from the open internet and writes answers, and decides nothing."""
