"""Export: everything that identity and the directory know of a person, for that person."""
