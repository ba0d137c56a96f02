"""The two parsers that read what strangers send, the head's and the token's, under a fuzzer that watches coverage.

`heads.py` and `tokens.py` state laws; `examples/` keeps what once broke one, and `make test` replays it.
"""
