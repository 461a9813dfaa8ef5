"""Users: who a person is, once and everywhere."""
