"""The log of items: every version of what accounts keep in services, in the order in which they came to be."""
