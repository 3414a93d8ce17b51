"""The state of each file, and the custody log that proves it."""
