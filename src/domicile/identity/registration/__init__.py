"""Registration: how a person becomes a user, by proving an address."""
