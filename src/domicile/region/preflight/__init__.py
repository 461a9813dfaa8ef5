"""The preflight: what a change would do to everybody's access, told by the function that enforces, before it is made."""
