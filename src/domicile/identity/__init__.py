"""The identity plane: people, their credentials and their sessions, whatever accounts they are in."""
