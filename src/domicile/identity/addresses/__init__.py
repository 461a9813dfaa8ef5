"""Addresses: which one a user wants instead of the present one, and which were given up."""
