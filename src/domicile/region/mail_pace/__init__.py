"""The pace at which one address is mailed from a region, whoever has it mailed."""
