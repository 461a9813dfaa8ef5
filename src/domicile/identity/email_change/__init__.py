"""Changing one's e-mail address: asked for with the password, proved by a link, taken back by another."""
