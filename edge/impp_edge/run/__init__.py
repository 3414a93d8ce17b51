"""A run, its worker threads, and the daemon."""
