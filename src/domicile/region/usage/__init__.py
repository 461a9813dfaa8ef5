"""What services measured for accounts: each record counted once, however often it is reported."""
