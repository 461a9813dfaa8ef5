"""The page on which an account's contacts are changed."""
