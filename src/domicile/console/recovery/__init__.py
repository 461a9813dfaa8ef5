"""Pages for a forgotten password."""
