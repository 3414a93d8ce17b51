"""What detectors find in frames, merged into one timeline."""
