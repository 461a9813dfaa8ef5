"""Sessions: the signed-in state of a user."""
