"""Tests of the demonstration's parts; the whole of it is played by `make run`."""
