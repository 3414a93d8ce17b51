"""Creates resources in the local cloud for a test, under unique names, and waits for results."""

from __future__ import annotations

import base64
import io
import json
import textwrap
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from impp_local.cloud import LocalCloud
from impp_local.kernel.defaults import ACCOUNT, REGION

PATIENCE_S = 90.0
"""Longest wait for what happens at once on an idle machine; reached only on failure."""


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """Poll until `condition` returns a true value, at first often; returns that value."""
    deadline, pause_s = time.monotonic() + seconds, 0.02
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"still waiting after {seconds} s"
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.2, 0.2)


def wait_until_idle(cloud: LocalCloud, seconds: float = PATIENCE_S) -> None:
    """Wait until nothing runs, three looks in a row: an event between two queues is nowhere for an instant."""
    deadline, quiet = time.monotonic() + seconds, 0
    while quiet < 3:
        work = cloud.work()
        quiet = 0 if any(work.values()) else quiet + 1
        assert time.monotonic() < deadline, f"still busy after {seconds} s: {work}"
        time.sleep(0.1)


def zipped(files: dict[str, str]) -> bytes:
    """A zip of text files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, textwrap.dedent(text))
    return buffer.getvalue()


@dataclass
class Maker:
    """Creates resources in the local cloud."""

    cloud: LocalCloud

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def name(self, kind: str) -> str:
        return f"{kind}-{uuid.uuid4().hex[:10]}"

    def role(self) -> str:
        name = self.name("role")
        self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"

    def layer(self, files: dict[str, str]) -> str:
        response = self.client("lambda").publish_layer_version(
            LayerName=self.name("layer"), Content={"ZipFile": zipped(files)}
        )
        return str(response["LayerVersionArn"])

    def function(self, code: str, **settings: Any) -> str:
        """A function of one module `app` with a `handler`; returns its ARN."""
        response = self.client("lambda").create_function(
            FunctionName=self.name("function"),
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": zipped({"app.py": code})},
            **({"Timeout": 10, "MemorySize": 256} | settings | {"Role": settings.get("Role") or self.role()}),
        )
        return str(response["FunctionArn"])

    def invoke(self, function: str, event: Any = None, **settings: Any) -> tuple[Any, str | None, str]:
        """An invocation's payload, its function error and the tail of its log."""
        response = self.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event or {}), LogType="Tail", **settings
        )
        tail = base64.b64decode(response["LogResult"]).decode()
        return json.loads(response["Payload"].read()), response.get("FunctionError"), tail

    def queue(self) -> tuple[str, str]:
        """A queue's URL and ARN."""
        url = self.client("sqs").create_queue(QueueName=self.name("queue"))["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{url.rsplit('/', 1)[-1]}"

    def messages(self, url: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait for `count` messages of a queue."""
        messages: list[dict[str, Any]] = []

        def has_enough() -> bool:
            response = self.client("sqs").receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            messages.extend(response.get("Messages", []))
            return len(messages) >= count

        wait_until(has_enough)
        return messages

    def rule(self, pattern: dict[str, Any], **target: Any) -> str:
        """A rule on the default bus with one target; returns its ARN."""
        name = self.name("rule")
        arn = self.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        self.client("events").put_targets(Rule=name, Targets=[{"Id": "only", **target}])
        return str(arn)

    def machine(self, definition: dict[str, Any]) -> str:
        response = self.client("stepfunctions").create_state_machine(
            name=self.name("machine"),
            definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
            roleArn=f"arn:aws:iam::{ACCOUNT}:role/states",
        )
        return str(response["stateMachineArn"])

    def start(self, machine: str, event: Any = None) -> str:
        response = self.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(event or {}))
        return str(response["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait until an execution has ended; returns its description."""

        def description() -> Any:
            current = self.client("stepfunctions").describe_execution(executionArn=execution)
            return current if current["status"] != "RUNNING" else None

        current: dict[str, Any] = wait_until(description)
        return current

    def run(self, definition: dict[str, Any], event: Any = None) -> dict[str, Any]:
        """Run a state machine to its end; an output is decoded."""
        execution = self.ended(self.start(self.machine(definition), event))
        if "output" in execution:
            execution["output"] = json.loads(execution["output"])
        return execution
