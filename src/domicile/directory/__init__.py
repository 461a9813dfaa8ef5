"""The small global map that both planes need: which account lives where, who is a member of which, and the feed to the regions."""
