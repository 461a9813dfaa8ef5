"""Accounts: created in one region, for ever; described and modified."""
