"""Enrolling a passkey: a person's device makes a key for this platform, and only the public half comes here."""
