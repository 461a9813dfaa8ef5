"""A small workload-security service: it follows what accounts keep in it, and its agents tell which files have changed."""
