"""Bounds of what sampling reads and decodes. The quote uses them as well, in functions that have no decoder."""

STRIDE_BYTES = 4 << 20
"""Most bytes per interval of a file that is read as a whole, sound included. S3 delivers them to a
function in some 50 ms, in which a seek with one or two requests for the keyframe alone is no quicker."""
REQUEST_BYTES = 8 << 20
"""Most bytes per ranged request of a reader in sequence: S3 bills requests, not bytes. A request holds them twice in
memory while it divides them into blocks."""
FORWARD_PIXELS = 64e6
"""Pixels that may be decoded between keyframes, per second of a recording that is read as a whole: all of 1080p30, a
quarter of 4K30. On one core that is a sixth of real time."""
FORWARD_FRAMES = 600
"""Most frames per recording that are decoded beyond keyframes where it is not read as a whole, if those are far apart
(phones: 10 s and more)."""
WINDOWS = 60
"""So many windows of the sound of such a recording are heard, spread evenly."""
