"""The stages of a demo run: build, start the local cloud, apply the real root, fill a card, run the edge, wait."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from impp_local.demo.collect import ENDED, Cloud, Execution
from impp_local.demo.console import Console
from impp_local.deploy.root import forget_deployment
from impp_local.deploy.terraform import REPOSITORY
from impp_local.kernel import children, store
from impp_local.kernel.clients import Clients
from impp_local.kernel.defaults import REGION, aws_settings

ALERT_QUEUE = "impp-demo-alerts"
POLL_S, POLL_MANY_S, MANY = 0.5, 2.0, 20
"""How often to ask for progress, with few files and with more than `MANY`."""
STARTED_WITHIN_S = 60.0
STALLED_AFTER_S: Final = 16 * 60.0
"""How long nothing at all may move. A function may run for 15 minutes, Lambda's limit, without any sign of life."""
LOOK_CLOSER_S: Final = 60.0
"""After so long without an execution that ends or a job that moves, the histories are asked too."""


class DemoError(RuntimeError):
    """The demo cannot continue; the message says why and where to look."""


def build() -> Path:
    """Build for this machine; returns the manifest."""
    command = [sys.executable, str(REPOSITORY / "build.py"), "all", "--target", "local"]
    result = subprocess.run(  # noqa: S603
        command,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
        process_group=children.group(),
    )
    if result.returncode:
        raise DemoError(f"The build failed:\n{result.stdout}{result.stderr}")
    return REPOSITORY / "build" / "manifest.local.json"


@dataclass(frozen=True)
class Running:
    """A local cloud that runs."""

    endpoint: str
    process: subprocess.Popen[str]
    log: Path


@contextmanager
def local_cloud(state: Path, port: int = 0) -> Iterator[Running]:
    """A local cloud that starts empty, in a process of its own, for as long as the block runs."""
    _empty(state)
    log = state.parent / f"{state.name}.log"
    command = [sys.executable, "-m", "impp_local", "up", "--port", str(port), "--state", str(state), "--no-durable"]
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(  # noqa: S603
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment(),
            process_group=children.group(),
        )
    try:
        yield Running(_endpoint_of(process, log), process, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def while_alive(running: Running) -> Iterator[None]:
    """Raise DemoError for an error that the end of the local cloud causes."""
    try:
        yield
    except Exception as error:
        if running.process.poll() is None:
            raise
        raise DemoError(f"The local cloud ended with code {running.process.returncode}; see {running.log}") from error


def _empty(state: Path) -> None:
    """Remove what an earlier cloud kept, and what Terraform knows of it; its providers stay."""
    state.mkdir(parents=True, exist_ok=True)
    store.erase(state)
    forget_deployment(state)
    for entry in state.iterdir():
        if entry.name not in ("deploy", "lock"):
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def _endpoint_of(process: subprocess.Popen[str], log: Path) -> str:
    """The first line that the cloud prints. Raises DemoError when it ends or prints none in time."""
    assert process.stdout
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.append(process.stdout.readline().strip()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    reader.join(STARTED_WITHIN_S)
    if not lines or not lines[0].startswith("http"):
        tail = log.read_text("utf-8")[-2000:]
        raise DemoError(f"The local cloud did not start; {log} ends with:\n{tail}")
    return lines[0]


def environment(endpoint: str | None = None) -> dict[str, str]:
    """The environment of a child process: our packages, no AWS settings of the user, the local cloud's if given."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    env["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY / "edge")])
    env |= {"AWS_EC2_METADATA_DISABLED": "true", "AWS_DEFAULT_REGION": REGION}
    if endpoint:
        env |= aws_settings(endpoint)
    return env


def page(endpoint: str, name: str) -> Any:
    """One of the local cloud's own pages, for example `bill`."""
    with urllib.request.urlopen(f"{endpoint}/_impp/{name}", timeout=30) as response:  # noqa: S310
        return json.load(response)


def listen_for_alerts(clients: Clients, topic: str) -> str:
    """Subscribe a queue to the alert topic, as another channel beside chat and e-mail; returns its URL."""
    url: str = clients("sqs").create_queue(QueueName=ALERT_QUEUE)["QueueUrl"]
    arn = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    clients("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    raw = {"RawMessageDelivery": "true"}
    clients("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=raw)
    return url


def received_alerts(clients: Clients, queue: str) -> list[dict[str, Any]]:
    """All alerts that arrived so far."""
    alerts: list[dict[str, Any]] = []
    while messages := clients("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        alerts += [json.loads(message["Body"]) for message in messages]
        entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
        clients("sqs").delete_message_batch(QueueUrl=queue, Entries=entries)
    return alerts


def wait_until_idle(
    cloud: Cloud,
    endpoint: str,
    names: Mapping[str, str],
    console: Console,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, str]:
    """Wait until all objects are processed, as long as something moves, and show how many are.

    `names` are the files' names by key. Returns the keys without progress, with a sentence about each; none when all
    are done.
    """
    watch = _Watch(cloud, now)
    while True:
        executions = cloud.executions()
        running = [execution for execution in executions if execution.status not in ENDED]
        started = {execution.key for execution in executions}
        unfinished = names.keys() - started | {execution.key for execution in running}
        if not unfinished and not running and page(endpoint, "idle")["idle"]:
            return {}
        current = [f"{names.get(execution.key, execution.key)} {watch.state(execution)}" for execution in running[:3]]
        more = [f"{len(running) - 3} more"] if len(running) > 3 else []
        console.progress(len(names.keys() - unfinished), len(names), "files done", [*current, *more])
        if watch.quiet_s(executions, running) > STALLED_AFTER_S:
            return dict.fromkeys(unfinished, f"no progress for {STALLED_AFTER_S / 60:.0f} minutes")
        sleep(POLL_S if len(names) <= MANY else POLL_MANY_S)


class _Watch:
    """Notices whether anything moves: executions that start, end or change their state, and jobs.

    One file may wait long for its turn while others are processed, so it is the whole that has to move.
    """

    def __init__(self, cloud: Cloud, now: Callable[[], float]) -> None:
        self._cloud = cloud
        self._now = now
        self._seen: tuple[Any, ...] = ()
        self._looked: tuple[Any, ...] = ()
        self._moved_at = self._looked_at = now()

    def state(self, execution: Execution) -> str:
        """The state that an execution is in."""
        return self._cloud.latest_event(execution.arn)[1]

    def quiet_s(self, executions: list[Execution], running: list[Execution]) -> float:
        """Seconds since something moved."""
        now = self._now()
        seen = (len(executions), len(running))
        if seen != self._seen:
            self._seen, self._moved_at = seen, now
        elif now - max(self._moved_at, self._looked_at) > LOOK_CLOSER_S:
            self._looked_at = now
            looked = (self._cloud.jobs(), *(self._cloud.latest_event(execution.arn)[0] for execution in running))
            if looked != self._looked:
                self._looked, self._moved_at = looked, now
        return now - self._moved_at
