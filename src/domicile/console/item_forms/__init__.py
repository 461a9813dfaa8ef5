"""Pages on which items are made and edited."""
