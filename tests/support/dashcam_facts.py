"""Facts about one recording of a dash cam, for tests that vary them."""

from __future__ import annotations

from impp_lambdas.core.intake.facts import Facts, Origin, Streams

ASSET = "0123456789abcdef0123"
STREAMS = Streams("video", 60.0, 1920, 1080, 0, 29.97, "h264", "aac", True, "mp4")
ORIGIN = Origin("dashcam", "car", "front", "event", "2026-11-20T08:15:00Z", "filename")
FACTS = Facts.of(STREAMS, ORIGIN, 60_000_000, None, None)
