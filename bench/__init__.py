"""Measures speed and size as ratios to bare yardsticks, taken in the same run on the same core."""
