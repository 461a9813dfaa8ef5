"""A person's second factors: authenticator apps, passkeys and recovery codes."""
