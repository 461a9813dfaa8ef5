"""The review: everyone and everything that can enter an account and why, now or at a past moment."""
