"""Our work against foreign programs, which these modules install themselves; `python -m tests.interop NAME`."""
