"""Tests of the query API, file by file."""
