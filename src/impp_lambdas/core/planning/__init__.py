"""The plan for an original: frames, transcription, renditions, deadlines."""
