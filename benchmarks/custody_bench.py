"""Time to write and check the edge's custody log, and peak memory of the check.

    PYTHONPATH=edge python benchmarks/custody_bench.py [--entries 1000000] [--runs 3]

The check runs in a process of its own, whose peak memory is reported. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from pathlib import Path

from impp_edge.memory import custody

BATCH = 1000
"""Entries per append; each append ends with a write that the disk has confirmed."""


def entry(number: int) -> custody.Entry:
    """The log entry of a clip, one per minute as of a dash cam."""
    name = f"{number:09d}_NF.mp4"
    key = f"originals/dashcam/blue-car/2026/01/15/{name}"
    return custody.Entry(
        custody.UPLOADED, Path("/media/dashcam/Record") / name, 100_000_000, number, f"{number:064x}", "AAAAAAAAAAE=",
        "impp-prod-123456789012-ingest", key, f"{number:032x}", f"{number:032x}", "blue-car",
        "2026-01-15T08:15:02+01:00",
    )  # fmt: skip


def written(folder: Path, count: int) -> float:
    """Write a log; returns the seconds taken."""
    log = custody.Log(folder)
    started = time.monotonic()
    for start in range(0, count, BATCH):
        log.append([entry(number) for number in range(start, min(start + BATCH, count))])
    log.close()
    return time.monotonic() - started


def checked(folder: Path) -> tuple[float, float]:
    """Check a log; returns the seconds taken and the process's peak memory in MB."""
    started = time.monotonic()
    if not custody.check(folder).ok:
        raise RuntimeError("the log is not whole")
    seconds = time.monotonic() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_s = written(Path(folder), given.entries)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            runs = [pool.apply(checked, (Path(folder),)) for _ in range(given.runs)]
    print(
        json.dumps(
            {
                "entries": given.entries,
                "write_s": round(write_s, 2),
                "check_s": round(statistics.median(seconds for seconds, _ in runs), 2),
                "check_s_all": [round(seconds, 2) for seconds, _ in runs],
                "check_peak_mb": round(max(memory for _, memory in runs), 1),
            }
        )
    )


if __name__ == "__main__":
    main()
