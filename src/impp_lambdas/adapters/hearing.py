"""Listens to a recording with the speech model in the function itself, piece by piece, and remembers how far it came.

A recording may take longer than a function may run. The progress is therefore in the work bucket; an invocation that
runs out of time raises :class:`Unfinished`, and the state machine's retry continues.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from impp_engines import compressed, languages
from impp_lambdas.adapters import aws, decoding, s3, weights
from impp_lambdas.adapters.ranged import open_object
from impp_lambdas.core import keys
from impp_lambdas.core.media import hearing
from impp_lambdas.core.media.hearing import Span

if TYPE_CHECKING:
    from impp_engines.speech import Language, Segment
    from impp_engines.speech import Model as SpeechModel

MODEL_MB = 500
"""Memory that the model keeps while a child decodes the next piece: 330 MB of weights and what a piece takes."""
RESERVE_S = 30.0
"""Seconds of the function's timeout for saving, beyond twice the longest piece so far."""
FIRST_PIECE_S = 120.0
"""What a piece is expected to take before one was heard."""
SAVE_S = 120.0
"""How often progress is saved: a function that dies loses no more."""
SURE = 0.5
"""Lowest probability of an identified language. Below it the fallback of the settings is taken."""


class Unfinished(Exception):
    """The function's time is up before the recording's end. The state machine knows the name and calls again."""


@dataclass
class Progress:
    """How far an execution has come: everything before `position_s` is heard. `usage` is that of earlier attempts."""

    execution: str
    position_s: float = 0.0
    language: tuple[str, float] | None = None
    segments: list[list[tuple[str, float, float, float]]] = field(default_factory=list)
    usage: list[dict[str, Any]] = field(default_factory=list)
    requests: dict[str, int] = field(default_factory=lambda: {"gets": 0, "puts": 0})


def load(bucket: str, asset: str, execution: str) -> Progress:
    """The progress of this execution, empty if it has not begun."""
    try:
        saved = s3.get_json(bucket, _key(asset))
    except ClientError as error:
        if aws.code(error) != "NoSuchKey":
            raise
        return Progress(execution)
    return Progress(**saved) if saved["execution"] == execution else Progress(execution)


def save(bucket: str, asset: str, progress: Progress) -> None:
    """Remember how far the execution has come."""
    progress.requests["puts"] += 1
    s3.put_json(bucket, _key(asset), asdict(progress))


def advance(
    progress: Progress, event: Mapping[str, Any], spans: list[Span], bucket: str, known: Language | None, fallback: str,
    context: aws.Context,
) -> None:  # fmt: skip
    """Hear what is left of `spans`. Raises :class:`Unfinished`, and `Unreadable` if the sound cannot be decoded.

    `known` is the language that is spoken, None if it is to be identified; `fallback` is Whisper's code.
    """
    progress.requests["gets"] += weights.fetch()
    compressed.add("speech")
    original = open_object(event["bucket"], event["key"], event.get("version"), int(event["facts"]["bytes"]))
    longest, saved = FIRST_PIECE_S, time.monotonic()
    is_first = True
    while (part := hearing.piece(spans, progress.position_s))[0]:
        if not is_first and aws.seconds_left(context, RESERVE_S) < 2 * longest:
            raise Unfinished(f"heard {progress.position_s:.0f} s; {len(progress.segments)} segments so far")
        began = time.monotonic()
        _hear(progress, original, *part, known, fallback, context)
        longest = max(0.0 if is_first else longest, time.monotonic() - began)
        is_first = False
        if time.monotonic() - saved > SAVE_S:
            save(bucket, event["asset"], progress)
            saved = time.monotonic()
    progress.requests["gets"] += original.fetches
