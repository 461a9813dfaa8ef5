"""Signing in: step by step or at once, by every way that a person has."""
