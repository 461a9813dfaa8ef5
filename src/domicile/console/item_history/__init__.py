"""Pages of former versions of items."""
