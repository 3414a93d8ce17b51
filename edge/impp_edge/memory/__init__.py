"""What is remembered of each file, and the custody log that proves it."""
