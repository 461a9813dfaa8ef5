"""Offering addresses a place in an account."""
