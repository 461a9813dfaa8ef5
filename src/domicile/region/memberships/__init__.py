"""Memberships: a user's place in an account, with exactly one role, authoritative here."""
