"""A run and the daemon: who does what next, and when."""
