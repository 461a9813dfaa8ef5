"""What a person can show beside their password, and whether what they typed is that."""
