"""The web console: pages made on the server, over the same use cases as the API."""
