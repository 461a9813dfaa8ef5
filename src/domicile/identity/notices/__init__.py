"""Notices: mails that tell a person what happened to their credentials, and what to do if it was not them."""
