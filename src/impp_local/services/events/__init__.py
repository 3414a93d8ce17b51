"""EventBridge: the bus, patterns, input transformers, schedules."""
