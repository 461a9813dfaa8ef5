"""Pages of a change of address."""
