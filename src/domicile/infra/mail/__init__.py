"""Mail: composing it in the reader's language, sending it over SMTP, and keeping it where no mail server is at hand."""
