"""The feed: what changed about people, for the regions in which they are members."""
