"""Disabling: the operator of the platform keeps a person out everywhere, and lets them in again."""
