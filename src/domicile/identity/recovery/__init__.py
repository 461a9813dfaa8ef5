"""Recovery: how a user comes to another password."""
