"""The page on which an account begins, or ceases, to ask everybody for a second factor."""
