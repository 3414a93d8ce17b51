"""What arrived: integrity, facts, source, identity."""
