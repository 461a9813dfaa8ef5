"""Telling services what happened to accounts, at the addresses of their manifests."""
