"""A package, so that its fixtures end with it: a process holds one local cloud only."""
