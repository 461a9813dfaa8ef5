"""The command line: for operators of an installation, and for users over the public API."""
