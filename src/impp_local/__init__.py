"""The local cloud: AWS as IMPP needs it, in one process on one port, over moto, ffmpeg and small local models."""
