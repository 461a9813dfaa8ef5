"""Services as callers: each has a credential, and for each region in which it runs an identity of its own."""
