"""How long `impp find` takes over a generated archive, as a process from its start to its end.

    PYTHONPATH=src:edge python benchmarks/find_bench.py --assets 50000

The delivery bucket is the local cloud's. The first search downloads the index and copies it; the others find the copy
there: within a minute without a request, after it with one, and after one asset more with its month. Beside the time by
the clock stands that of the processor, which says more on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.gallery.archive import Archive

from impp_cli import environments
from impp_cli.archive.documents import Documents
from impp_lambdas.core.results import index
from impp_local.cloud import LocalCloud

BUCKET = "impp-local-delivery"
SEARCHES = (
    ("one spoken word", ["ferry"]),
    ("two words, seen and said", ["car", "ferry"]),
    ("a word in most assets", ["car"]),
    ("a word and filters", ["car", "--event", "--camera", "front", "--since", "2026-11-01"]),
    ("no word", ["--state", "failed"]),
    ("nothing", ["xylophone"]),
)
RUNS = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--assets", type=int, default=50_000)
    parser.add_argument("--months", type=int, default=24)
    arguments = parser.parse_args()
    documents = Archive(arguments.assets, arguments.months).documents()
    with tempfile.TemporaryDirectory() as folder, LocalCloud(port=0, state=Path(folder) / "cloud") as cloud:
        environ = {**os.environ, "XDG_CONFIG_HOME": f"{folder}/config", "XDG_CACHE_HOME": f"{folder}/cache"}
        outputs = {"delivery_bucket": BUCKET, "state_machine_arn": "arn:aws:states:us-east-1:1:stateMachine:local"}
        environments.write(environments.of_outputs("local", outputs, endpoint_url=cloud.endpoint), environ)
        s3 = cloud.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for key, document in documents.items():
            s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(document, ensure_ascii=False).encode())
        print(f"{arguments.assets} assets in {arguments.months} months")
        _print("the first search", [_seconds(environ, ["ferry"])])
        copies = list((Path(folder) / "cache").rglob("*.sqlite*"))
        print(f"{'size of the copy':34} {sum(path.stat().st_size for path in copies) / 1e6:6.0f} MB")
        for name, words in SEARCHES:
            _print(name, [_seconds(environ, words) for _ in range(RUNS)])
        _print("after a minute", [_seconds(environ, ["ferry"], stale=copies) for _ in range(RUNS)])
        _add_asset(s3)
        _print("after a minute, one asset more", [_seconds(environ, ["ferry"], stale=copies)])


def _print(name: str, runs: list[tuple[float, float]]) -> None:
    clock, processor = (sorted(times) for times in zip(*runs, strict=True))
    middle = len(runs) // 2
    print(f"{name:32}{clock[middle]:7.2f} s ({clock[0]:.2f} to {clock[-1]:.2f})   processor {processor[middle]:.2f} s")


def _seconds(environ: Mapping[str, str], words: list[str], stale: list[Path] | None = None) -> tuple[float, float]:
    """How long a search takes, by the clock and of the processor; with `stale`, its copy is older than a minute."""
    if stale:
        import sqlite3

        copy = sqlite3.connect(next(path for path in stale if path.suffix == ".sqlite"))
        with copy:
            copy.execute("UPDATE about SET value = 1 WHERE name = 'checked_at'")
        copy.close()
    command = [sys.executable, "-m", "impp_cli", "find", *words]
    before, started = _processor(), time.perf_counter()
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603
    seconds = time.perf_counter() - started
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    return seconds, _processor() - before


def _processor() -> float:
    """Seconds of the processor that the processes started here have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _add_asset(s3: Any) -> None:
    """One asset more in the newest shard."""
    entry = {**Archive(1, 1).entries[0], "asset": "f" * 20}
    Documents(s3, BUCKET).index.put(index.time_of(entry), entry["asset"], lambda _: entry, {})


if __name__ == "__main__":
    main()
