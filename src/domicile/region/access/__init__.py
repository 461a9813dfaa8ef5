"""Questions about access: who am I, may I, and why."""
