"""Identities of files as :mod:`impp_edge.card.identify` gives them, and names of any kind."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from tests.support.camera_names import PATHS

from impp_edge.card import identify
from impp_edge.config import Folder
from impp_edge.digest import Digest

MTIME = 1_768_000_000.0  # 2026-01-09 23:06:40 UTC
BERLIN = "Europe/Berlin"
WINTER = datetime(2026, 1, 15, 7, 15, 2, tzinfo=UTC)  # 08:15:02 in Berlin
CONTENT = Digest(1, "ab" * 32, "AAAAAAAAAAA=", 1 << 24, ("AAAAAAAAAAA=",))
VIOFO = "DCIM/Movie/2026_0115_081502_000123F.MP4"
WORDS = st.one_of(
    st.text(min_size=1, max_size=255),
    st.binary(min_size=1, max_size=255).map(lambda b: b.decode("utf-8", "surrogateescape")),
    st.sampled_from(["\x01" * 255, "\udcff" * 255, "\u202e" * 85, "..", ".", "~", " ", "a/b", "%2F", "\ud800"]),
    st.sampled_from([path.rsplit("/", 1)[-1] for path in PATHS]).flatmap(
        lambda n: st.tuples(st.just(n), st.integers(0, len(n)), st.text(max_size=4)).map(
            lambda t: t[0][: t[1]] + t[2] + t[0][t[1] :]
        )
    ),
)


def identified(
    relative: str, body: bytes = b"", zone: str | None = BERLIN, mtime: float = MTIME, card: Path = Path("/media/card")
) -> identify.Identity:
    folder = Folder(card, zone=ZoneInfo(zone) if zone else None)
    return identify.identify(folder, PurePosixPath(relative), mtime, io.BytesIO(body))
