"""Signing keys: with identity's own key it signs what it says of a person."""
