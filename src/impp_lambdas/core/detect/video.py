"""Rekognition's analysis of stored videos: which job each detector starts, and what its results say.

Sizes and formats: https://docs.aws.amazon.com/rekognition/latest/dg/limits.html. Jobs are one per detector, each
billed by the minute of video.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from impp_lambdas.core.detect.registry import DETECTORS

if TYPE_CHECKING:
    from impp_lambdas.core.detect.readers import Finding
    from impp_lambdas.core.intake.facts import Facts

ENGINE = "rekognition-video"
MAX_SECONDS, MAX_BYTES = 6 * 3600, 10 * 10**9
CODEC, CONTAINERS = "h264", frozenset({"mov", "mp4", "m4v", "quicktime"})
FAILED = "FAILED"


@dataclass(frozen=True)
class Job:
    """A detector's job. `start` and `get` are operations, `parameters` the detector's own; `results` lists `{Timestamp,
    <result>}`; `field` is where the detector's reader expects what one picture shows. `item` is the price book's."""

    start: str
    get: str
    parameters: Mapping[str, Any]
    results: str
    result: str
    field: str
    item: str


_TEXT_FILTER = DETECTORS["text"].parameters
JOBS: Mapping[str, Job] = {
    "labels": Job(
        "start_label_detection",
        "get_label_detection",
        {"MinConfidence": DETECTORS["labels"].parameters["MinConfidence"]},
        "Labels",
        "Label",
        "Labels",
        "video_label",
    ),
    "moderation": Job(
        "start_content_moderation",
        "get_content_moderation",
        {"MinConfidence": DETECTORS["moderation"].parameters["MinConfidence"]},
        "ModerationLabels",
        "ModerationLabel",
        "ModerationLabels",
        "video_moderation",
    ),
    "text": Job(
        "start_text_detection",
        "get_text_detection",
        _TEXT_FILTER,
        "TextDetections",
        "TextDetection",
        "TextDetections",
        "video_text",
    ),
    "faces": Job(
        "start_face_detection",
        "get_face_detection",
        {"FaceAttributes": "DEFAULT"},
        "Faces",
        "Face",
        "FaceDetails",
        "video_face",
    ),
}
"""By the detector's name."""


def is_accepted(facts: Facts) -> bool:
    """Whether Rekognition takes the original: H.264 in MP4 or MOV, of a known and limited length."""
    containers = {part.strip() for part in (facts.container or "").lower().replace("/", ",").split(",")}
    return (
        facts.kind == "video"
        and facts.video_codec == CODEC
        and not containers.isdisjoint(CONTAINERS)
        and 0 < facts.duration_s <= MAX_SECONDS
        and facts.bytes <= MAX_BYTES
    )


def token(name: str, detector: str) -> str:
    """ClientRequestToken of a job: the same for a retry, which so finds the job that it started."""
    return f"{name}-{detector}"[:64]


def rows(detector: str, results: Iterable[Mapping[str, Any]], duration_s: float, interval_s: float) -> list[Finding]:
    """A job's results, which come in order of time, as rows of a timeline: `{t, <detector>: findings}`.

    One row per interval, with the first picture in it that shows something; a row without findings is an interval in
    which nothing was seen. `interval_s` bounds the rows of a long video.
    """
    first: dict[int, tuple[float, list[Finding]]] = {}
    for t, shown in _pictures(JOBS[detector], results):
        findings = DETECTORS[detector].read({JOBS[detector].field: shown})
        if findings:
            first.setdefault(math.floor(t / interval_s), (t, findings))
    count = max(math.ceil(duration_s / interval_s), max(first, default=-1) + 1)
    timed = (first.get(n, (round(n * interval_s, 3), [])) for n in range(count))
    return [{"t": t, detector: [{**finding, "engine": ENGINE} for finding in findings]} for t, findings in timed]


def _pictures(job: Job, results: Iterable[Mapping[str, Any]]) -> Iterator[tuple[float, list[Any]]]:
    """Times in seconds and what was seen then; neighbouring results of one timestamp belong together."""
    for milliseconds, together in groupby(results, key=itemgetter("Timestamp")):
        yield round(milliseconds / 1000, 3), [result[job.result] for result in together]
