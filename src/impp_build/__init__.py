"""The parts of `build.py`: import closures, layers from wheels, zips that never vary, the state machine."""


class BuildError(Exception):
    """A mistake in what is built; the message names file and line and says what to do."""
