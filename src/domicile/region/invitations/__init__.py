"""Invitations: an offer of membership to an address."""
