"""Residency: where an account's data lies, counted."""
