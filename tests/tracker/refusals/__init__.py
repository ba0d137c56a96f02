"""Whose hits are not recorded."""
