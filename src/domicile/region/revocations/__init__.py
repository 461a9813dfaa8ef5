"""The revocation feed: which changes make void what services verify offline, in the order of their commits."""
