"""Hostile input for every parser of our own: seconds in the test suite, minutes by `make fuzz`."""
