"""One-time codes of an authenticator app, as a second factor."""
