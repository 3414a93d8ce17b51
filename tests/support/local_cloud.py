"""Things that a test of the local cloud makes, under names of its own, and waits for."""

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


def wait_until(found: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Poll until `found` gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"nothing came within {seconds} s"
        time.sleep(0.02)


def zipped(files: dict[str, str]) -> bytes:
    """A zip of text files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, textwrap.dedent(text))
    return buffer.getvalue()


@dataclass
class Maker:
    """Makes resources in the local cloud."""

    cloud: LocalCloud

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def name(self, kind: str) -> str:
        return f"{kind}-{uuid.uuid4().hex[:10]}"

    def role(self) -> str:
        name = self.name("role")
        self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument="{}")
        return f"arn:aws:iam::123456789012:role/{name}"

    def layer(self, files: dict[str, str]) -> str:
        answer = self.client("lambda").publish_layer_version(
            LayerName=self.name("layer"), Content={"ZipFile": zipped(files)}
        )
        return str(answer["LayerVersionArn"])

    def function(self, code: str, **settings: Any) -> str:
        """A function of one module `app` with a `handler`; returns its ARN."""
        answer = self.client("lambda").create_function(
            FunctionName=self.name("function"),
            Runtime="python3.13",
            Handler="app.handler",
            Role=self.role(),
            Code={"ZipFile": zipped({"app.py": code})},
            **({"Timeout": 10, "MemorySize": 256} | settings),
        )
        return str(answer["FunctionArn"])

    def invoke(self, function: str, event: Any = None, **settings: Any) -> tuple[Any, str | None, str]:
        """An invocation's answer, its error mark and the tail of its log."""
        answer = self.client("lambda").invoke(
            FunctionName=function, Payload=json.dumps(event or {}), LogType="Tail", **settings
        )
        tail = base64.b64decode(answer["LogResult"]).decode()
        return json.loads(answer["Payload"].read()), answer.get("FunctionError"), tail

    def queue(self) -> tuple[str, str]:
        """A queue's URL and ARN."""
        url = self.client("sqs").create_queue(QueueName=self.name("queue"))["QueueUrl"]
        return url, f"arn:aws:sqs:us-east-1:123456789012:{url.rsplit('/', 1)[-1]}"

    def messages(self, url: str, count: int = 1, seconds: float = 20.0) -> list[dict[str, Any]]:
        """Wait for `count` messages of a queue."""
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            answer = self.client("sqs").receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            )
            found.extend(answer.get("Messages", []))
            return len(found) >= count

        wait_until(enough, seconds)
        return found

    def rule(self, pattern: dict[str, Any], **target: Any) -> str:
        """A rule on the default bus with one target; returns its ARN."""
        name = self.name("rule")
        arn = self.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))["RuleArn"]
        self.client("events").put_targets(Rule=name, Targets=[{"Id": "only", **target}])
        return str(arn)

    def machine(self, definition: dict[str, Any]) -> str:
        answer = self.client("stepfunctions").create_state_machine(
            name=self.name("machine"),
            definition=json.dumps({"QueryLanguage": "JSONata", **definition}),
            roleArn="arn:aws:iam::123456789012:role/states",
        )
        return str(answer["stateMachineArn"])

    def start(self, machine: str, given: Any = None) -> str:
        answer = self.client("stepfunctions").start_execution(stateMachineArn=machine, input=json.dumps(given or {}))
        return str(answer["executionArn"])

    def ended(self, execution: str, seconds: float = 30.0) -> dict[str, Any]:
        """The description of an execution that has ended."""

        def done() -> Any:
            described = self.client("stepfunctions").describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        described: dict[str, Any] = wait_until(done, seconds)
        return described

    def run(self, definition: dict[str, Any], given: Any = None) -> dict[str, Any]:
        """Run a state machine to its end; an output is decoded."""
        described = self.ended(self.start(self.machine(definition), given))
        if "output" in described:
            described["output"] = json.loads(described["output"])
        return described
