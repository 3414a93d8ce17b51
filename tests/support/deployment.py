"""The real root, applied once in a test run; each group of tests starts the local cloud on a copy of what that left."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.e2e_media import make_all
from tests.support.paths import REPOSITORY
from tests.support.system import SECRET_URL

from impp_local.cloud import LocalCloud
from impp_local.demo.sample_card import make_sample_card
from impp_local.deploy import root
from impp_local.iam import enforcement

SCENES: Final = "originals/phone/scenes/"
"""Prefix of the originals that the example `custom-detector` looks at, once it is deployed."""
FILMED: Final = "originals/phone/filmed/"
"""Prefix of the originals that Rekognition analyses as videos."""
LOOKS: Final[Mapping[str, Any]] = {
    "custom_detectors": {
        "scene": {
            "endpoint": "impp-local-scene",
            "labels_prefix": "scene:",
            "memory_mb": 1024,
            "profiles": [],
            "seconds_per_frame": 0.2,
        }
    },
    "profiles": {
        "filmed": {"base": "parking", "detectors": {"labels": "rekognition-video", "text": "rekognition-video"}},
        "scenes": {"base": "parking", "detectors": {"labels": "scene"}, "interval_s": 5},
    },
    "profile_rules": [{"profile": "scenes", "prefix": SCENES}, {"profile": "filmed", "prefix": FILMED}],
}
"""Variables of the root: a custom detector and two profiles of our own, for these prefixes only."""


@dataclass(frozen=True)
class Deployment:
    """A cloud that was deployed and has stopped: folder, former endpoint, the root's outputs; and media."""

    state: Path
    endpoint: str
    outputs: dict[str, Any]
    media: dict[str, Path]

    @contextmanager
    def copy(self, state: Path) -> Iterator[tuple[LocalCloud, dict[str, Any]]]:
        """Run the local cloud on a copy of the folder, removed afterwards; yields the cloud and the root's outputs."""
        shutil.copytree(self.state, state, symlinks=True, copy_function=_copy)
        try:
            with LocalCloud(port=0, state=state, enforce=True) as cloud:
                # The URLs of queues have the endpoint, and so have Terraform's state and provider.
                for name in ("terraform/local_override.tf", root.STATE):
                    file = state / "deploy" / name
                    file.write_text(file.read_text("utf-8").replace(self.endpoint, cloud.endpoint), "utf-8")
                outputs = json.dumps(self.outputs).replace(self.endpoint, cloud.endpoint)
                yield cloud, json.loads(outputs)
        finally:
            shutil.rmtree(state, ignore_errors=True)


def deployment(folder: Path) -> Deployment:
    """The deployment in `folder`, which the first process that asks makes while the others wait."""
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "deployed.json").exists():
            _deploy(folder)
    deployed = json.loads((folder / "deployed.json").read_text("utf-8"))
    media = {name: Path(path) for name, path in deployed["media"].items()}
    return Deployment(folder / "cloud", deployed["endpoint"], deployed["outputs"], media)


def _deploy(folder: Path) -> None:
    """Build for this host and apply the root to an empty local cloud; make media while Terraform mostly waits."""
    subprocess.run([sys.executable, "build.py", "all", "--target", "local"], cwd=REPOSITORY, check=True)
    shutil.rmtree(folder / "cloud", ignore_errors=True)  # of an attempt that failed
    with ThreadPoolExecutor(1) as executor, LocalCloud(port=0, state=folder / "cloud", enforce=True) as cloud:
        media = executor.submit(_make_media, folder)
        outputs = root.deploy(
            cloud.endpoint,
            folder / "cloud",
            REPOSITORY / "build" / "manifest.local.json",
            variables={**LOOKS, "webhooks": {"slack": [SECRET_URL]}, "webhooks_version": 1},
        )
        record_statements()
    paths = {name: str(path) for name, path in media.result().items()}
    deployed = {"endpoint": cloud.endpoint, "outputs": outputs, "media": paths}
    (folder / "deployed.json").write_text(json.dumps(deployed), encoding="utf-8")


def record_statements() -> None:
    """Write which IAM statements there are and were needed so far, if `benchmarks/needed_statements.py` asks."""
    if folder := os.environ.get("IMPP_STATEMENTS"):
        name = f"{os.getpid()}-{time.monotonic_ns()}.json"
        (Path(folder) / name).write_text(json.dumps(enforcement.statements()), encoding="utf-8")


def _make_media(folder: Path) -> dict[str, Path]:
    """Make all media; and the sample card, which the tests then find in its cache."""
    for name in ("card", "media"):
        (folder / name).mkdir(exist_ok=True)
    make_sample_card(folder / "card")
    return make_all(folder / "media")


def _copy(source: str, target: str) -> None:
    """Copy a file, but link a provider of Terraform: it has hundreds of megabytes and does not change."""
    if "/.terraform/providers/" in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)
