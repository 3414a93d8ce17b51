"""What will be done with an original: frames, transcription, renditions, deadlines."""
