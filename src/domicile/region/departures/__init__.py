"""Departures: what a person's leaving the platform does to the accounts of a region."""
