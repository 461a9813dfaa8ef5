"""What services are to hear of accounts: written down with what happened, one row for each service that asked to be told."""
