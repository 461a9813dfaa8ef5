"""Roles: named bundles of service roles in one account."""
