"""What a function tells the state machine instead of a result: the name of the class is the error that a state catches
or retries.

A reply leaves through the task token (adapters/task_tokens.py), not as an exception: Lambda counts an exception among
the function's errors, and one of these within five minutes is an alarm
(https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html).
"""

from __future__ import annotations


class Reply(Exception):
    """Not a result, and no error either."""


class LongFile(Reply):
    """Sample: the file is to be sampled part by part."""


class VideoFirst(Reply):
    """Analyze: Rekognition has to analyse the video before."""


class MediaConvertOnly(Reply):
    """Proxy: all renditions are MediaConvert's."""


class MediaConvertToo(Reply):
    """Proxy: MediaConvert makes some renditions, and this function the others."""


class Unfinished(Reply):
    """The function's time is up, or answers are missing. The state machine calls again."""


NAMES = frozenset(reply.__name__ for reply in Reply.__subclasses__())
