"""API keys: credentials of an account for programs, each with one role, never above its maker's."""
