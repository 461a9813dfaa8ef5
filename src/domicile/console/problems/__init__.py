"""The pages that problems point to."""
