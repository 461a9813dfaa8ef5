"""People whom the operator brings over from another system, with the hashes of their passwords."""
