"""The ways of people into services: a code for one minute, then a handle that changes at each use."""
