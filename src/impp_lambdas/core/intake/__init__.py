"""New objects: integrity, facts, origin, identity."""
