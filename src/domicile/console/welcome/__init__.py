"""The page for who comes without a session."""
