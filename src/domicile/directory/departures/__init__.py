"""Departures: who is leaving the platform, or has left it, and what each region said to it."""
