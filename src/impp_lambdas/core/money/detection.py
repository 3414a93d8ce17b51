"""What detectors cost, the user's own included."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from impp_lambdas.core.detect import video
from impp_lambdas.core.detect.custom import SERVERLESS, CustomDetector
from impp_lambdas.core.detect.registry import DETECTORS
from impp_lambdas.core.money.pricing import GB, LedgerLine, PriceBook
from impp_lambdas.core.money.usage import request_lines


def managed_lines(calls: int) -> list[LedgerLine]:
    """The line of so many calls of managed image APIs, all of which cost the same."""
    return [PriceBook.load().line("rekognition", "image_api", calls)]


def detector_lines(calls: Mapping[str, int]) -> list[LedgerLine]:
    """Ledger lines of so many calls by detector: one line per item of the price book."""
    quantities: Counter[tuple[str, str]] = Counter()
    for name, count in calls.items():
        quantities[DETECTORS[name].price] += count
    return [PriceBook.load().line(*item, quantity) for item, quantity in quantities.items()]


def video_lines(detectors: Iterable[str], seconds: float) -> list[LedgerLine]:
    """Ledger lines of analysing a video of so many seconds for each detector; a second that has begun counts."""
    minutes = math.ceil(round(seconds, 3)) / 60
    return [PriceBook.load().line("rekognition", video.JOBS[name].item, minutes) for name in detectors]


ESTIMATED_FRAME_BYTES = 300_000
"""Upper bound of a sampled frame's JPEG and its answer, for the quote."""


def custom_lines(detector: CustomDetector, seconds: float, data_bytes: int) -> list[LedgerLine]:
    """Ledger lines of a custom detector that was busy for `seconds` and took and gave so many bytes.

    A serverless endpoint costs its memory for as long as it works. An asynchronous one costs its instance for as long
    as it exists: the line is the share that worked, and what it waits before it scales in is on nobody's ledger.
    """
    book = PriceBook.load()
    data = book.line("sagemaker", "data", data_bytes / GB)
    if detector.kind == SERVERLESS:
        return [book.line("sagemaker", "serverless_gb_second", seconds * detector.memory_mb / 1024), data]
    return [book.line("sagemaker", detector.instance_type, seconds / 3600), data]


def custom_quote(detectors: Iterable[CustomDetector], frames: int) -> list[LedgerLine]:
    """What custom detectors cost at most for so many frames: by their configured seconds per frame. Each frame is read,
    and the answer of an asynchronous endpoint is written and read."""
    return [
        line
        for detector in detectors
        for line in (
            *custom_lines(detector, detector.seconds_per_frame * frames, ESTIMATED_FRAME_BYTES * frames),
            *request_lines(gets=2 * frames, puts=frames),
        )
    ]
