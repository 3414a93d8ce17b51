"""Pictures and sound of a recording: keyframes, selection of frames, storyboard, voice activity."""
