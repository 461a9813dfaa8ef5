"""What a service hears of its items in a region, and what it says of them."""
