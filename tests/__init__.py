"""Tests, mirroring the source by file; `contracts`, `e2e` and `faults` cross it."""
