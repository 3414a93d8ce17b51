"""`make smoke`: proof that a deployed environment works, on AWS or on this machine, with files that it then removes."""
