"""The region's outbox and its memory of requests: what is shared by every feature that creates or tells."""
