"""Rebuilding the read models."""
