"""Purging: deleting every row of an account whose time is over, and the signed receipt of it."""
