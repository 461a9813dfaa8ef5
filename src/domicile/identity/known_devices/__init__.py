"""Devices that a person has signed in from, so that a new one can be told of."""
