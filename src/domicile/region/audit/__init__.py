"""Audit events: who did what to what in an account, written in the transaction of the change."""
