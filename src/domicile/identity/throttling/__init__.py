"""Throttling: how many wrong tries there may be, of whom and from where, and how long the next one waits."""
