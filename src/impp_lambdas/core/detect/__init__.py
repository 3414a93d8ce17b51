"""What detectors see in frames: the registry of detectors, and the timeline of their findings."""
