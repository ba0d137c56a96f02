"""Figures, which gate nothing: `make bench`, or `make bench T=tracker` for one.

One module for each benchmark, with `async def main() -> None` that prints a table; what they share is in `support/`.
Each starts the servers it needs on free ports. Compare only what was measured in one run.
"""
