"""Reasons as sentences: what happened to a file or a step, for alerts, reports and the console."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

REJECTIONS: Mapping[str, str] = {
    "gone": "The file no longer exists",
    "empty": "The file is empty",
    "archived": "The file was uploaded into an archive storage class and cannot be read at once",
    "checksum_mismatch": "The stored bytes are not the ones that were sent; send the file again",
    "not_media": "The file is not a video, photo or sound recording",
    "truncated": "The file is incomplete: recording or copying stopped before its end",
    "corrupt": "The file is damaged and cannot be read",
    "no_streams": "The file has neither picture nor sound",
    "contradiction": "The file's metadata contradicts its key, which decides its source and device",
    "implausible": "The length that the file states does not fit its size",
    "encrypted": "The file is encrypted, and this pipeline has no key",
    "reference": "The file has no footage of its own: it only refers to other files",
    "nothing_made": "The file yielded no picture, rendition or transcript",
    "copies": "The bucket already has too many copies of this content",
    "read_limit": "The file is laid out so that reading it takes too many requests; no camera writes such a file",
}
"""Sentences for :data:`impp_lambdas.core.intake.problems.REASONS` and for Publish's own `nothing_made`, without their
full stop."""

ERRORS: Mapping[str, str] = {
    "TaskFailed": "the service reported a failure",
    "Timeout": "it took longer than allowed",
    "HeartbeatTimeout": "it stopped reporting progress",
    "DataLimitExceeded": "its result is larger than Step Functions passes on",
    "Permissions": "the state machine's role lacks a permission",
    "Sandbox.Timedout": "the function ran out of time",
    "Runtime.OutOfMemory": "the function ran out of memory",
    "Lambda.TooManyRequestsException": "too many functions ran at the same time",
    "TranscriptionFailed": "Transcribe could not transcribe the sound",
    "Unreadable": "the file cannot be decoded",
}
"""Errors of Step Functions (without their prefix `States.`) and Lambda that do not say what happened
(https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html)."""

_TECHNICAL: tuple[tuple[str, str], ...] = (
    (r"No parser found for container", "MediaConvert does not support the format of the file"),
    (r"no moov box|moov atom not found", "its index is missing, because recording or copying stopped before its end"),
    (r"[Ii]s file truncated|end of file hit", "the file ends before its last frames do"),
    (r"No audio frames decoded|Audio track \[\d+\] not found", "its sound cannot be decoded"),
    (r"doesn't have video that the transcoder can consume", "MediaConvert does not support the codec of its picture"),
    (r"Failed probe/open|Unable to open input file", "MediaConvert cannot read the file"),
    (r"Invalid data found when processing input|1094995529", "its data is damaged"),
    (r"Transcoding failed|Conversion failed|matches no streams", "the encoder cannot decode the file"),
    (r"cannot identify image file|broken data stream|decoder error", "its picture is damaged"),
    (r"image file is truncated|Truncated File Read|unexpected end of file", "its picture ends too early"),
)
"""Texts of MediaConvert (https://docs.aws.amazon.com/mediaconvert/latest/ug/mediaconvert_error_codes.html), FFmpeg and
Pillow, and what they mean for the file. The text itself stays in the log and in the execution's history."""

_OBJECT = re.compile(r"'?<[^<>]*(?: object)? at 0x[0-9a-fA-F]+>'?")
_ERRNO = re.compile(r"\[Errno -?\d+\] ")

LONGEST = 300
"""Characters of an explained error."""

_MESSAGES = ("errorMessage", "ErrorMessage", "FailureReason")
"""Where a cause that is JSON has its message: Lambda's error document, MediaConvert's job, Transcribe's job."""


def sentence(reason: str | None, detail: str | None = None) -> str:
    """A catalog item's reason with its detail, such as `The file is incomplete: … (moov box is missing).`

    A reason that is a text already stays as it is; "" without a reason.
    """
    if not reason:
        return ""
    meaning = REJECTIONS.get(reason)
    if meaning is None:
        return f"{reason}: {detail}" if detail else reason
    return f"{meaning} ({detail})." if detail else f"{meaning}."


def explain(error: str | None, cause: str | None) -> str:
    """An error and its cause in one line of at most 300 characters, with the message from a cause that is JSON."""
    raw = _message((cause or "").strip())
    message = plain(raw)
    meaning = ERRORS.get(error.removeprefix("States."), error) if error else None
    if error == "States.TaskFailed" and _known(raw):  # it says all: a service's failure is named by its message
        meaning = None
    text = f"{meaning}: {message}" if meaning and message else message or meaning or "no cause given"
    return " ".join(text.split())[:LONGEST]


def plain(text: str) -> str:
    """A text of a service or library in words for people: a known one by its meaning, others without the addresses of
    objects and numbers of errors."""
    return _known(text) or _ERRNO.sub("", _OBJECT.sub("the file", text)).strip()


def _known(text: str) -> str | None:
    return next((meaning for pattern, meaning in _TECHNICAL if re.search(pattern, text)), None)


def _message(cause: str) -> str:
    if not cause.startswith("{"):
        return cause
    try:
        return _of_document(json.loads(cause)) or cause
    except ValueError:  # truncated JSON
        return next(filter(None, (_of_fragment(cause, name) for name in _MESSAGES)), cause)


def _of_document(document: Mapping[str, Any]) -> str:
    message = next((str(document[name]) for name in _MESSAGES if document.get(name)), "")
    code = document.get("ErrorCode")
    return f"{message} (error {code})" if message and code else message


def _of_fragment(text: str, name: str) -> str:
    return text.partition(f'"{name}":')[2].strip(' "').partition('",')[0]
