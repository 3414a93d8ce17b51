"""Resident memory of the local cloud by the number of files that it has processed.

    PYTHONPATH=src:edge .venv/bin/python benchmarks/local_memory_bench.py --count 1000

Uploads clips of 1 or 2 s, photos and sounds, all different, with the edge script, a batch after the other, and prints a
line for each batch when the cloud is idle. With `--state` the cloud is kept: a second run starts with what is there.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "edge")]

from tests.support.mixed_card import make_mixed_card  # noqa: E402

from impp_local.demo import card, stages  # noqa: E402
from impp_local.deploy.root import deploy  # noqa: E402

MB = 1e6
POLL_S = 2.0


def main() -> None:
    """Run the batches, and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000, help="files altogether")
    parser.add_argument("--batch", type=int, default=100, help="files between two lines")
    parser.add_argument("--seed", type=int, default=1, help="another number makes other files")
    parser.add_argument("--state", type=Path, help="folder of the cloud (default: a temporary one)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the cloud ends with it
    with tempfile.TemporaryDirectory() as scratch:
        state = (options.state or Path(scratch) / "cloud").absolute()
        make_mixed_card(Path(scratch) / "card", options.count, options.seed, clips_only=True)
        command = [sys.executable, "-m", "impp_local", "up", "--port", "0", "--state", str(state)]
        began = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=stages.environment()) as cloud:  # noqa: S603
            try:
                assert cloud.stdout
                endpoint = cloud.stdout.readline().strip()
                print(f"start                {time.monotonic() - began:.1f} s, {_memory(endpoint)}", flush=True)
                bucket = deploy(endpoint, state, stages.build())["ingest_bucket"]
                print(f"deployed             {_memory(endpoint)}", flush=True)
                _feed(Path(scratch), endpoint, bucket, options.batch)
                began = time.monotonic()
            finally:
                cloud.terminate()
                cloud.wait()
        print(f"stop                 {time.monotonic() - began:.1f} s, {_size(state)} on disk")


def _feed(scratch: Path, endpoint: str, bucket: str, batch: int) -> None:
    files = sorted(path for path in (scratch / "card").rglob("*") if path.is_file())
    env = stages.environment(endpoint)
    for first in range(0, len(files), batch):
        some = scratch / f"batch-{first}"
        for file in files[first : first + batch]:
            target = some / file.relative_to(scratch / "card")
            target.parent.mkdir(parents=True, exist_ok=True)
            file.rename(target)
        began = time.monotonic()
        card.run_edge(card.edge_config(scratch, bucket, endpoint, some), [], some, env, {})
        while not stages.page(endpoint, "idle")["idle"]:
            time.sleep(POLL_S)
        shutil.rmtree(some)
        minutes = (time.monotonic() - began) / 60
        done = min(first + batch, len(files))
        print(f"{done:5} files          {_memory(endpoint)}, {batch / minutes:.0f} files per minute", flush=True)


def _memory(endpoint: str) -> str:
    metrics: dict[str, Any] = stages.page(endpoint, "metrics")
    return f"{metrics['rss_bytes'] / MB:.0f} MB, at most {metrics['peak_rss_bytes'] / MB:.0f} MB"


def _size(folder: Path) -> str:
    return f"{sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / MB:.0f} MB"


if __name__ == "__main__":
    main()
