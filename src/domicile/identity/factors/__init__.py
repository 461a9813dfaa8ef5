"""Second factors: what a person shows beside their password, whatever its kind."""
