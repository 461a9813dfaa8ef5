"""Enrolling an authenticator app: a secret is shown once, and counts when a first code proves that the app has it."""
