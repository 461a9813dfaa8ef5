"""Departure: how a user is deleted, in two steps, so that no account anywhere is left without an owner."""
