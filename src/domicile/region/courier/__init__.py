"""The courier: carries the region's outbox to the directory and the directory's feed into the region."""
