"""Passwords: what they must be, and their hashes."""
