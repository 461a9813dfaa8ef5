"""Step-up: a person who is signed in shows again who they are."""
