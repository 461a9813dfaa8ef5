"""Pages by which a person becomes a user."""
