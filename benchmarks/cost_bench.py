"""What an hour of footage costs at most, by the pipeline's own quote at list price, before any free tier.

    make bench                     # or: PYTHONPATH=src python benchmarks/cost_bench.py

Nothing is run: the plan and the quote are what Inspect makes of such an original. The quote is a ceiling (every planned
frame is taken, somebody speaks all the time), and it holds the first month of storage. What an asset really cost is
in its ledger, which `make demo` shows beside the quote and the local bill.
"""

from __future__ import annotations

from dataclasses import dataclass

from impp_lambdas.core.intake.facts import Facts
from impp_lambdas.core.money import quote, storage
from impp_lambdas.core.money.calibration import Calibration
from impp_lambdas.core.money.pricing import LedgerLine
from impp_lambdas.core.planning import plan
from impp_lambdas.core.planning.profiles import Profiles

IDS = [f"{round(16**12 * (n + 0.5) / 60):012x}00000000" for n in range(60)]
"""Ids of sixty originals, evenly spread: the profile's cap is rounded by the content."""
SERVICES = ("rekognition", "transcribe", "mediaconvert", "states", "lambda", "s3")


@dataclass(frozen=True)
class Footage:
    """Originals of one kind: how long each is, at which size and data rate, and who recorded it."""

    name: str
    source: str
    recording: str
    minutes: float
    width: int
    height: int
    fps: float
    mbit_s: float
    keyframe_s: float = 1.0

    def facts(self) -> Facts:
        """What Inspect would know of one of them."""
        seconds = self.minutes * 60
        return Facts(
            kind="video",
            duration_s=seconds,
            width=self.width,
            height=self.height,
            rotation=0,
            fps=self.fps,
            video_codec="h264",
            audio_codec="aac",
            has_audio=True,
            container="mp4",
            bytes=round(self.mbit_s * 1e6 / 8 * seconds),
            source=self.source,
            device="bench",
            camera=None,
            recording=self.recording,
            captured_at="2026-11-22T12:00:00Z",
            captured_at_from="filename",
            sha256="0" * 64,
            crc64nvme=None,
            keyframe_s=self.keyframe_s,
        )


FOOTAGE = (
    Footage("dash cam, routine, 1-minute clips, 1080p30", "dashcam", "routine", 1, 1920, 1080, 30, 12),
    Footage("dash cam, event, 1-minute clips, 1080p30", "dashcam", "event", 1, 1920, 1080, 30, 12),
    Footage("phone, 2-minute clips, 1080p30", "phone", "manual", 2, 1920, 1080, 30, 16),
    Footage("creator, 10-minute clips, 1080p30", "creator", "manual", 10, 1920, 1080, 30, 50, 2.0),
    Footage("creator, 60-minute film, 1080p30", "creator", "manual", 60, 1920, 1080, 30, 50, 2.0),
)


ANALYSES = Footage("100 h in clips of a minute", "phone", "manual", 1, 1920, 1080, 30, 12)


def analyses_of_100_h() -> float:
    """USD of everything but renditions and storage: labels, text, faces, moderation and speech in each second, with
    Rekognition's share, as the profile `phone` has them. The curve's benchmark says what its looks find."""
    facts = ANALYSES.facts()
    profile_choice = Profiles.of({"phone": {"renditions": []}}).choose(facts)
    lines: list[LedgerLine] = []
    for asset in IDS:
        planned = plan.make(
            asset, facts, "s3://ingest/originals/clip.mp4", "delivery", 120, profile_choice=profile_choice
        )
        lines += quote.lines(planned, facts, storage.choose(facts), ("analyze", "hear"), Calibration.of("arm64"))
    usd = sum(line.usd for line in lines if line.service != "s3" or line.item in ("get", "put"))
    return usd / len(IDS) * 60 / ANALYSES.minutes * 100


def main() -> None:
    """Print the table."""
    print(f"| footage | USD per original | USD per hour | {' | '.join(SERVICES)} | storage class |")
    print("| --- | ---: | ---: |" + " ---: |" * len(SERVICES) + " --- |")
    for footage in FOOTAGE:
        facts = footage.facts()
        choice = storage.choose(facts)
        lines: list[LedgerLine] = []
        for asset in IDS:
            planned = plan.make(asset, facts, "s3://ingest/originals/clip.mp4", "delivery", 120)
            lines += quote.lines(planned, facts, choice, plan.FEATURES, Calibration.of("arm64"))
        total = sum(line.usd for line in lines)
        shares = [sum(line.usd for line in lines if line.service == service) / total for service in SERVICES]
        usd = total / len(IDS)
        cells = " | ".join(f"{100 * share:.0f} %" for share in shares)
        name, hour = footage.name, usd * 60 / footage.minutes
        print(f"| {name} | {usd:.4f} | {hour:.2f} | {cells} | {choice.storage_class} |")
    print(f"\nall analyses of {ANALYSES.name}, without renditions and storage: {analyses_of_100_h():.2f} USD")


if __name__ == "__main__":
    main()
