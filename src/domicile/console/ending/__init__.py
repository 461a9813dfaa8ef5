"""Pages of the end of an account: deleting it, and restoring it."""
