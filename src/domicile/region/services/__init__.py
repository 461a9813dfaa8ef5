"""The services that an account can keep things in."""
