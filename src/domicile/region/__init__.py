"""About accounts: everything that belongs to one, in the region it is locked to."""
