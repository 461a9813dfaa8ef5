"""The agent: it runs on a computer, watches the files that its policy names, and tells the service what has changed."""
