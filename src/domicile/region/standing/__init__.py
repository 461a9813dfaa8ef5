"""Standings: what a decision needs to know, held in process and dropped exactly when it changes."""
