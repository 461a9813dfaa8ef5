"""Recovery codes: what a person keeps on paper for the day on which their second factor is gone."""
