"""The one error about a file's content, in a module that loads no decoder."""


class Unreadable(Exception):
    """The container or picture does not open, or decoding it takes too much. The text says why."""
