"""Passkeys: keys that a person's devices hold, and that sign only for this platform's own pages (WebAuthn Level 3)."""
