"""Contacts: whom to write to about an account's billing, operations, and everything else."""
