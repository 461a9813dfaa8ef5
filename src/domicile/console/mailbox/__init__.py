"""The page of the embedded mailbox."""
