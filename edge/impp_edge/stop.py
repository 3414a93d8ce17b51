"""The end of a run that was asked to stop."""


class Stopped(Exception):
    """The run was asked to stop before this was done."""
