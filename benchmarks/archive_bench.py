"""What keeping a terabyte costs over one, three and ten years, by profile and storage class.

    PYTHONPATH=src python benchmarks/archive_bench.py

Nothing is run: the sums are those of the choice that Archive makes, with its assumptions about how originals are read
(`core/money/storage.py`), for as many originals as make 10^12 bytes. List prices; no free tier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from impp_lambdas.core.money import storage

TERABYTE = 10**12


@dataclass(frozen=True)
class Originals:
    """Originals of one profile: who records them, and how large each is."""

    profile: str
    source: str
    recording: str | None
    bytes: int


ORIGINALS = (
    Originals("dashcam-routine", "dashcam", "routine", 90_000_000),  # a minute at 12 Mbit/s
    Originals("dashcam-event, parking", "dashcam", "event", 90_000_000),
    Originals("phone", "phone", None, 240_000_000),  # two minutes at 16 Mbit/s
    Originals("photo", "phone", None, 4_000_000),
    Originals("creator", "creator", None, 3_750_000_000),  # ten minutes at 50 Mbit/s
    Originals("audio", "creator", None, 60_000_000),
)


def row(originals: Originals, years: int) -> str:
    """The chosen class, and USD of it and its alternatives: "none" where a restore would keep somebody waiting."""
    need = replace(storage.need_of(originals.source, originals.recording), months=12 * years)
    count = TERABYTE / originals.bytes
    usd = {
        c.tag: storage.cost(c, originals.bytes, need) * count for c in storage.CLASSES if c.instant or not need.instant
    }
    chosen = min(usd, key=lambda tag: usd[tag])
    cells = [f"{usd[c.tag]:,.0f}" if c.tag in usd else "none" for c in storage.CLASSES]
    return f"| {originals.profile} | {years} | {chosen} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    tags = [c.tag for c in storage.CLASSES]
    print(f"| profile | years | chosen | {' | '.join(tags)} |")
    print("| --- | ---: | --- |" + " ---: |" * len(tags))
    for originals in ORIGINALS:
        for years in storage.OUTLOOK_YEARS:
            print(row(originals, years))


if __name__ == "__main__":
    main()
