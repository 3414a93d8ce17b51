"""The stages of a demo run: build, start the local cloud, apply the real root, fill a card, run the edge, wait."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impp_local.demo.collect import ENDED, Cloud
from impp_local.demo.console import Console
from impp_local.deploy.terraform import REPOSITORY
from impp_local.kernel import store
from impp_local.kernel.defaults import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, aws_settings

ALERT_QUEUE = "impp-demo-alerts"
POLL_S = 0.5
STARTED_WITHIN_S = 60.0


class DemoError(RuntimeError):
    """The demo cannot continue; the message says why and where to look."""


def build() -> Path:
    """Build for this machine; returns the manifest."""
    command = [sys.executable, str(REPOSITORY / "build.py"), "all", "--target", "local"]
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603
    if result.returncode:
        raise DemoError(f"the build failed:\n{result.stdout}{result.stderr}")
    return REPOSITORY / "build" / "manifest.local.json"


@dataclass(frozen=True)
class Running:
    """A local cloud that runs."""

    endpoint: str
    process: subprocess.Popen[str]

    def wait(self) -> None:
        """Return when it ends, for example by `make down`."""
        self.process.wait()


@contextmanager
def local_cloud(state: Path, port: int = 0) -> Iterator[Running]:
    """A local cloud in a process of its own, for as long as the block runs."""
    state.mkdir(parents=True, exist_ok=True)
    _forget_deployment(state)
    log = state.parent / f"{state.name}.log"
    command = [sys.executable, "-m", "impp_local", "up", "--port", str(port), "--state", str(state)]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(  # noqa: S603
            command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL, text=True, env=environment()
        )
    try:
        yield Running(_endpoint_of(process, log), process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _forget_deployment(state: Path) -> None:
    """Drop an earlier cloud and its Terraform state: each demo starts with nothing."""
    store.erase(state)
    for old in (state / "deploy" / "terraform").glob("terraform.tfstate*"):
        old.unlink()


def _endpoint_of(process: subprocess.Popen[str], log: Path) -> str:
    """The first line that the cloud prints. Raises DemoError when it ends or prints none in time."""
    assert process.stdout
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline().strip()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    reader.join(STARTED_WITHIN_S)
    if not lines or not lines[0].startswith("http"):
        tail = log.read_text("utf-8")[-2000:]
        raise DemoError(f"the local cloud did not start; {log} ends with:\n{tail}")
    return lines[0]


def environment(endpoint: str | None = None) -> dict[str, str]:
    """The environment of a child process: our packages, no AWS settings of the user, the local cloud's if given."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "edge")])
    env |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": REGION}
    if endpoint:
        env |= aws_settings(endpoint)
    return env


class Clients:
    """boto3 clients of the local cloud, one per service."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._clients: dict[str, Any] = {}

    def __call__(self, service: str) -> Any:
        """The client for a service."""
        if service not in self._clients:
            import boto3

            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.endpoint,
                region_name=REGION,
                aws_access_key_id=ACCESS_KEY_ID,
                aws_secret_access_key=SECRET_ACCESS_KEY,
            )
        return self._clients[service]


def page(endpoint: str, name: str) -> Any:
    """One of the local cloud's own pages, for example `bill`."""
    with urllib.request.urlopen(f"{endpoint}/_impp/{name}", timeout=30) as response:  # noqa: S310
        return json.load(response)


def listen_for_alerts(clients: Clients, topic: str) -> str:
    """Subscribe a queue to the alert topic, as another channel beside chat and e-mail; returns its URL."""
    url: str = clients("sqs").create_queue(QueueName=ALERT_QUEUE)["QueueUrl"]
    arn = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    raw = {"RawMessageDelivery": "true"}
    clients("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    return url


def received_alerts(clients: Clients, queue: str) -> list[dict[str, Any]]:
    """All alerts that arrived so far."""
    alerts: list[dict[str, Any]] = []
    while messages := clients("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            alerts.append(json.loads(message["Body"]))
            clients("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return alerts


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def run_edge(config: Path, endpoint: str, on_line: Callable[[str], None]) -> None:
    """One pass of the edge script over the card. Raises DemoError when it fails."""
    command = [sys.executable, "-m", "impp_edge", "sync", "--config", str(config)]
    with subprocess.Popen(  # noqa: S603
        command,
        env=environment(endpoint) | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout
        lines = []
        for line in process.stdout:
            lines.append(line)
            on_line(line)
    if process.returncode:
        raise DemoError(f"the edge script ended with {process.returncode}:\n{''.join(lines)[-2000:]}")


def wait_until_idle(cloud: Cloud, endpoint: str, expected: int, timeout_s: float, console: Console) -> None:
    """Wait until every uploaded object has had its execution and nothing is in flight, and report where each file is.

    Raises DemoError after `timeout_s`, naming the executions that still ran.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        executions = cloud.executions()
        running = [execution for execution in executions if execution.status not in ENDED]
        started_keys = {execution.key for execution in executions}
        if not running and len(started_keys) >= expected and page(endpoint, "idle")["idle"]:
            return
        progress = f"{len(executions) - len(running)} of {max(expected, len(executions))} done"
        console.show_states(
            progress, {execution.key.rsplit("/", 1)[-1]: cloud.current_states(execution) for execution in running}
        )
        if time.monotonic() > deadline:
            names = ", ".join(execution.key for execution in running) or f"{len(started_keys)} of {expected} started"
            raise DemoError(f"not done after {timeout_s:.0f} s: {names}")
        time.sleep(POLL_S)
