"""How many small files the local cloud processes per minute, and the memory that it takes: `make demo` on a made card.

    PYTHONPATH=src:edge .venv/bin/python benchmarks/local_throughput_bench.py --count 1000

The files are clips of 1 or 2 s, photos and sounds, all different. The time is that of the upload and the pipeline; the
deployment is left out.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / "edge")]

from tests.support.mixed_card import make_mixed_card  # noqa: E402

from impp_local.demo import run  # noqa: E402

STAGES = ("Upload with the edge script", "Let the pipeline run")
SAMPLE_S = 2.0


def main() -> None:
    """Run the demo, and print one line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=60)
    count = parser.parse_args().count
    memory = _Memory()
    with tempfile.TemporaryDirectory() as folder:
        make_mixed_card(Path(folder), count, clips_only=True)
        threading.Thread(target=memory.watch, daemon=True).start()
        command = [sys.executable, "-m", "impp_local", "demo", "--media", folder]
        code = subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603
    report = json.loads((run.FOLDER / "report.json").read_text("utf-8"))
    seconds = sum(stage["seconds"] for stage in report["stages"] if stage["name"] in STAGES)
    print(f"files                {count}, {report['totals']['as_expected']} finished as expected")
    print(f"seconds              {seconds:.1f}")
    print(f"files per minute     {60 * count / seconds:.1f}")
    print(f"memory of the cloud  {memory.last / 1e6:.0f} MB at the end, {memory.peak / 1e6:.0f} MB at most")
    sys.exit(code)


class _Memory:
    """Resident bytes of the demo's cloud, without its workers."""

    def __init__(self) -> None:
        self.last = self.peak = 0

    def watch(self) -> None:
        """Sample until the process ends."""
        pause = threading.Event()
        while not pause.wait(SAMPLE_S):
            try:
                record = json.loads((run.FOLDER / "cloud" / "cloud.json").read_text("utf-8"))
                with urllib.request.urlopen(f"{record['endpoint']}/_impp/metrics", timeout=30) as response:  # noqa: S310
                    self.last = json.load(response)["rss_bytes"]
            except (OSError, ValueError, KeyError):
                continue
            self.peak = max(self.peak, self.last)


if __name__ == "__main__":
    main()
