"""The roster: everyone and everything that can enter an account, each with the standing that enforcement uses."""
