"""Leavers: who is leaving the platform, or has left it, so that nobody takes them in meanwhile."""
