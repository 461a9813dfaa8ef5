"""The page on which a signed-in person shows again who they are."""
