"""Cloud accounts by addresses and bodies of their own; what they are kept as is items of the service `cloudaccounts`."""
