"""Pictures and sound out of a recording: keyframes, the selection of frames, storyboard, voice activity."""
