"""Many items at once: all of them become what is wished, or none."""
