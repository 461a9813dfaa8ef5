"""Signing keys: with the region's own key its tokens, checkpoints and receipts are signed."""
