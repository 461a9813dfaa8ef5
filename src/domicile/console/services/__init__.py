"""Services of the platform, as people open them."""
