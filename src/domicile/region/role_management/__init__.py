"""Role management: an account's own roles, made, changed and deleted by those who hold what the roles grant."""
