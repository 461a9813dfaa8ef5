"""Items: what accounts keep in the services of the platform, each checked by the schema of its kind."""
