"""The deployed functions Sample and Join: a recording that is sampled in parts ends like any other."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

import imageio_ffmpeg
import pytest
from tests.support.system import System

from impp_lambdas.core.planning import plan

pytestmark = pytest.mark.slow

KEY = "originals/phone/tests/2026/11/22/long.m4a"
SECONDS = int(plan.PART_S) + 60
STARTS = {"rel": 0.3}
"""Sound is sampled in seconds, so that the starts of new workers, which no ledger has, are a quarter of the bill on a
busy machine. That no run is missing shows in their number."""


def test_a_long_recording_is_sampled_in_parts_and_published(system: System, tmp_path: Path) -> None:
    path = tmp_path / "long.m4a"
    silence = ("-f", "lavfi", "-t", str(SECONDS), "-i", "anullsrc=sample_rate=16000:channel_layout=mono")
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *silence, "-c:a", "aac", "-b:a", "16k", str(path)]
    subprocess.run(command, check=True)
    asset = system.upload(path, KEY)
    system.wait_until_idle()
    (execution,) = system.executions(KEY)
    assert execution["status"] == "SUCCEEDED"
    entered = Counter(system.states_entered(execution))
    assert (entered["Sample"], entered["SampleParts"], entered["SamplePart"], entered["Join"]) == (1, 1, 2, 1)
    item = system.asset(asset)
    assert (item["state"], item.get("reason")) == ("published", None)
    work = system.outputs["ingest_bucket"].replace("-ingest", "-work")
    parts = system.client("s3").list_objects_v2(Bucket=work, Prefix=f"work/{asset}/parts/")
    assert parts["KeyCount"] == 6
    ledger, bill = item["ledger"], [line for line in system.page("bill")["lines"] if line.get("asset") == asset]
    for service, tolerance in (("states", {"abs": 1e-9}), ("lambda", STARTS)):
        counted, billed = (sum(line["usd"] for line in lines if line["service"] == service) for lines in (ledger, bill))
        assert counted == pytest.approx(billed, **tolerance), f"{service}, all parts included"
    runs, billed_runs = (
        sum(line["quantity"] for line in lines if (line["service"], line["item"]) == ("lambda", "request"))
        for lines in (ledger, bill)
    )
    assert billed_runs == runs + 2, "all but two replies: the file is long, and the sound is for MediaConvert"
