"""What happened to a person's own credentials and profile, for that person to read."""
