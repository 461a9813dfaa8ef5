"""History: what each place, key and role was from when on, so that an access can be told for a past moment."""
