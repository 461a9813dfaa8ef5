"""The tree over the audit events of an account: their places, what is kept of the tree, and signed checkpoints of it."""
