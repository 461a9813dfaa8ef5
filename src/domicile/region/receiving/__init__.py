"""Receiving invitations: what the invited person sees of them, accepts and declines."""
