"""Pages of what accounts keep in services."""
