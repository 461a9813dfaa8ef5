"""Clearing: an operator sees what is counted of a person or a range, and begins it again at nothing."""
