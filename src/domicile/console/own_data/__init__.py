"""Pages of a person who takes their data along, or leaves."""
