"""Operators' verbs against real servers."""
