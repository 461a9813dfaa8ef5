"""Account entries: each id ever given out, with the region it is locked to."""
