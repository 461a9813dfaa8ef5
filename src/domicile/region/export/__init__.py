"""Export: everything that one region knows of a person, for that person, produced in that region."""
