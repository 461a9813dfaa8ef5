"""Entering an account: a person's session becomes a token for one account, signed by its region."""
