"""Receipts of deleted accounts: dates and fingerprints, so that a region cannot rewrite one unseen."""
