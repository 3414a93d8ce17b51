"""Opens containers with FFmpeg: the only place where the functions do.

A file names its own demuxer by its bytes, and a demuxer may open further files: a session description (SDP) binds a UDP
socket, a `concat` script or playlist reads local files. FFmpeg limits neither for a file object (only for its own
`file` protocol), so both are limited here: to containers that hold their media themselves, and to no protocol at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import av.error

from impp_footage import formats
from impp_lambdas.core.intake.unreadable import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer, OutputContainer

_LIMITS = {
    "format_whitelist": formats.DEMUXERS,
    "protocol_whitelist": "none",  # no protocol has this name; an empty list would be FFmpeg's default
    "enable_drefs": "0",  # mov's own: no media in other files that a data reference names
}


def open_media(file: Any) -> InputContainer:
    """Open a container; `file` needs read, seek and tell. The result is a context manager. Raises :class:`Unreadable`.

    `container_options` are those of the demuxer, which hands its lists on to what it opens itself (libavformat's
    AVFormatContext: `format_whitelist`, `protocol_whitelist`).
    """
    try:
        container: InputContainer = av.open(file, mode="r", metadata_errors="replace", container_options=_LIMITS)
    except (av.error.FFmpegError, OSError) as error:
        raise Unreadable("it does not open as video or sound") from error
    return container


def create_sound(path: Path) -> OutputContainer:
    """Create a FLAC file."""
    return av.open(str(path), "w", format="flac")


def create_mp4(path: Path) -> OutputContainer:
    """Create an MP4 whose index comes first, so that players start before they have all of it."""
    return av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"})


def create_fragments(path: Path) -> OutputContainer:
    """Create an MP4 of fragments, one per group of pictures, whose times are those of the packets: `frag_discont` takes
    the first one for the continuation of an earlier file, and without `avoid_negative_ts` nothing moves it to zero."""
    flags = "+frag_keyframe+empty_moov+default_base_moof+frag_discont+skip_trailer"
    options = {"movflags": flags, "use_editlist": "0", "avoid_negative_ts": "disabled"}
    return av.open(str(path), "w", format="mp4", options=options)
