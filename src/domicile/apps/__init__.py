"""Composition roots: the only place that assembles."""
