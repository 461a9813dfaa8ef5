"""The users-and-accounts layer of a multi-region cloud platform."""
