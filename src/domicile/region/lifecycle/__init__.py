"""The end of an account, and the way back: suspending, warning, restoring."""
