"""Words and pure rules of Domicile; imports nothing but the standard library."""
