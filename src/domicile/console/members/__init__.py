"""Pages of the users of an account, and of those invited."""
