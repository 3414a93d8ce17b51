"""The rendered state machine in the interpreter; Python functions replace Lambda, MediaConvert, Transcribe and SNS.

DynamoDB is moto's, so that the claim's condition is evaluated for real. Retries do not sleep.
"""

from __future__ import annotations

import copy
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core.config import default_user_config
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from tests.support.aws_fakes import FakeContext
from tests.support.functions_table import TIMEOUTS
from tests.support.paths import REPOSITORY
from tests.support.states import skip_backoff

from impp_build.asl import render
from impp_lambdas.adapters import aws, task_tokens
from impp_lambdas.core.money.functions import steps
from impp_lambdas.core.replies import MediaConvertOnly, MediaConvertToo
from impp_local.kernel.store import Store
from impp_local.services.stepfunctions import clients, moto_patches, tasks

TEMPLATE = REPOSITORY / "modules/pipeline/state_machine.asl.json.j2"
ALL = ("analyze", "hear", "transcribe", "proxy", "transcode")
TABLE = "impp-test-catalog"
ASSET = "0123456789abcdef0123"
SECONDS = {"hear": 900, "proxy": 900} | TIMEOUTS
"""Time limits of the functions, of those too that a build may lack."""
ANSWERING = ("analyze", "hear", "proxy", "sample")
"""Functions that answer their own token before they return."""

Payload = dict[str, Any]


def rendered(features: tuple[str, ...] = ALL) -> dict[str, Any]:
    """The definition with these features, placeholders filled as Terraform would. The caller may change it."""
    definition: dict[str, Any] = json.loads(_text(features))
    return definition


@cache
def _text(features: tuple[str, ...]) -> str:
    text = render(TEMPLATE, {name: name in features for name in ALL}, SECONDS)
    text = text.replace("${catalog_table_name}", TABLE)
    text = re.sub(r"\$\{(\w+)_function_arn\}", r"arn:aws:lambda:us-east-1:123456789012:function:\1", text)
    return re.sub(r"\$\{(\w+)\}", r"arn:aws:iam::123456789012:role/\1", text)


def expressions(part: Any) -> set[str]:
    """The JSONata expressions in a part of the definition."""
    if isinstance(part, str):
        return {part[2:-2].strip()} if part.startswith("{%") else set()
    members = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    return set().union(*map(expressions, members))


def video_states(definition: Payload) -> Payload:
    """Take the states out of a definition through which a file passes whose video Rekognition analyses."""
    states = definition["States"]["Process"]["Branches"][0]["States"]
    first = states["Analyze"]["Catch"].pop(0)
    assert first["ErrorEquals"] == ["VideoFirst"]
    return {"first": first, **{name: states.pop(name) for name in list(states) if "Video" in name}}


def error(code: str) -> ClientError:
    """An error response of a service."""
    metadata: Any = {"HTTPStatusCode": 400, "RequestId": "r"}
    return ClientError({"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": metadata}, "Call")


def rendition(name: str, engine: str) -> Payload:
    """A planned rendition."""
    return {
        "name": name,
        "key": f"assets/{ASSET}/video-{name}.mp4",
        "width": 1280,
        "height": 720,
        "engine": engine,
    }


def planned(**changes: Any) -> Callable[[Payload], Payload]:
    """In place of Inspect: a clip whose plan has these changes."""
    return lambda _: media(plan=media()["plan"] | changes)


def media(**changes: Any) -> Payload:
    """Inspect's result for a short dash cam clip."""
    facts = {"kind": "video", "duration_s": 12.0, "width": 1920, "height": 1080, "has_audio": True, "bytes": 9_000_000}
    plan = {
        "look": {"interval_s": 1.0, "max": 13},
        "detectors": {"labels": "cascade"},
        "speech": "transcribe",
        "parts": [[0.0, 12.0]],
        "renditions": [rendition("web", "mediaconvert")],
        "job_settings": {"Inputs": [], "OutputGroups": []},
        "deadlines": {"transcribe_s": 60, "transcode_s": 60},
    }
    answer: Payload = {
        "verdict": "process",
        "reason": None,
        "detail": None,
        "asset": ASSET,
        "bucket": "ingest",
        "key": "originals/a 'b\" ü.mp4",
        "version": "v1",
        "facts": facts,
        "plan": plan,
        "quote": [],
        "job_name": f"impp-{ASSET}-00000000",
        "day": "2026-11-20",
        "usage": [],
    }
    return copy.deepcopy(answer | changes)


@dataclass
class World:
    """The services around the state machine. A test may replace ``functions`` and ``services``."""

    features: tuple[str, ...] = ALL
    calls: list[tuple[str, Payload]] = field(default_factory=list)
    messages: list[Payload] = field(default_factory=list)
    jobs: list[Payload] = field(default_factory=list)
    functions: dict[str, Callable[[Payload], Any]] = field(default_factory=dict)
    services: dict[str, Callable[..., Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        alert = {"severity": "info", "kind": "published", "asset": ASSET, "title": "t", "text": 'say "x"', "links": []}
        bad = {**alert, "severity": "critical", "kind": "quarantined"}
        self.functions |= {
            **{name: lambda _: {"status": "ok", "usage": []} for name in steps("process")},
            "inspect": lambda _: media(),
            "sample": lambda _: {
                "status": "ok",
                "frames": "f",
                "frame_count": 3,
                "speech": True,
                "voiced_s": 9.0,
                "usage": [],
            },
            "analyze": lambda _: {"status": "ok", "labels": [], "usage": []},
            "analyze_video": lambda payload: self.answer(payload["token"], {"status": "ok", "jobs": {}, "usage": []}),
            "hear": lambda _: {"status": "ok", "engine": "lambda", "usage": []},
            "join": lambda _: {"status": "ok", "frames": "f", "frame_count": 3, "speech": True, "voiced_s": 9.0},
            "proxy": self.encodes,
            "transcribe": self.transcribe_skips,
            "archive": lambda _: {"status": "ok", "tag": "deep-archive", "usage": []},
            "publish": lambda _: {"state": "published", "usd": 0.01, "subject": "s", "alert": alert, "muted": False},
            "quarantine": lambda _: {"state": "quarantined", "usd": 0.01, "subject": "s", "alert": bad, "muted": False},
        }
        self.services |= {"publish": self._publish, "create_job": self._create, "get_job": self._get}

    def transcribe_skips(self, payload: Payload) -> None:
        """Answer the token at once, as the function does if nobody speaks."""
        self.answer(payload["token"], {"status": "skipped", "reason": "no speech", "usage": []})

    def encodes(self, payload: Payload) -> Payload:
        """Make the renditions, or say that there is a job."""
        if payload["has_job"]:
            raise MediaConvertToo if payload["renditions"] else MediaConvertOnly
        if not payload["renditions"]:
            return {"status": "skipped", "reason": "no renditions planned", "usage": []}
        return {"status": "ok", "outputs": [{"name": "proxy"}], "usage": []}

    def answer(self, token: str, result: Any) -> None:
        assert task_tokens.succeed(token, result)

    def _publish(self, **message: Any) -> Payload:
        self.messages.append(message)
        return {"MessageId": "m"}

    def _create(self, **job: Any) -> Payload:
        self.jobs.append(job)
        return {"Job": {"Id": "job-1", "Status": "SUBMITTED"}}

    def _get(self, **_: Any) -> Payload:
        details = [{"DurationInMs": 12000, "VideoDetails": {"WidthInPx": 1280, "HeightInPx": 720}}]
        return {"Job": {"Id": "job-1", "Status": "COMPLETE", "OutputGroupDetails": [{"OutputDetails": details}]}}

    def invoke(self, env: Any, parameters: Any, region: str, state_credentials: Any) -> None:
        """Replaces ``lambda:invoke``."""
        name = parameters["FunctionName"].rpartition(":")[2]
        payload = json.loads(lambda_eval_utils.to_payload_type(parameters["Payload"]) or b"{}")
        self.calls.append((name, payload))
        function = self.functions[name]
        if name in ANSWERING:
            function = task_tokens.answers(lambda event, _: self.functions[name](event))
        try:
            answer = function(payload, FakeContext()) if name in ANSWERING else function(payload)
        except ClientError:
            raise
        except Exception as raised:
            cause = json.dumps({"errorMessage": str(raised), "errorType": type(raised).__name__})
            raise lambda_eval_utils.LambdaFunctionErrorException("Unhandled", cause) from raised
        env.stack.append({"ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": 200})

    def client(self, region: str, service: str, state_credentials: Any = None) -> Any:
        """Replaces the interpreter's boto3 clients."""
        return clients.JsonClient(boto3.client("dynamodb") if service == "dynamodb" else self)

    def __getattr__(self, operation: str) -> Any:
        try:
            return self.__dict__["services"][operation]
        except KeyError:
            raise AttributeError(operation) from None

    def called(self, name: str) -> list[Payload]:
        """The payloads that a function received."""
        return [payload for called, payload in self.calls if called == name]

    def run(self, event: Payload | None = None, definition: dict[str, Any] | None = None) -> Run:
        """Run one execution to its end."""
        client = boto3.client("stepfunctions")
        machine = client.create_state_machine(
            name=f"machine-{len(client.list_state_machines()['stateMachines'])}",
            definition=json.dumps(definition or rendered(self.features)),
            roleArn="arn:aws:iam::123456789012:role/states",
        )["stateMachineArn"]
        return self.start(machine, event)

    def start(self, machine: str, event: Payload | None = None) -> Run:
        client = boto3.client("stepfunctions")
        given = json.dumps(event or object_created())
        arn = client.start_execution(stateMachineArn=machine, input=given)["executionArn"]
        deadline = time.monotonic() + 20
        while (described := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, "the execution does not end"
            time.sleep(0.01)
        pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
        return Run(machine, described, [event for page in pages for event in page["events"]])


@dataclass(frozen=True)
class Run:
    """An execution that has ended."""

    machine: str
    described: dict[str, Any]
    history: list[dict[str, Any]]

    @property
    def status(self) -> str:
        return str(self.described["status"])

    @property
    def entered(self) -> list[str]:
        """The names of the states that were entered, in order."""
        return [e["stateEnteredEventDetails"]["name"] for e in self.history if "stateEnteredEventDetails" in e]

    @property
    def retries(self) -> int:
        """How often a task was retried."""
        types = [e["type"] for e in self.history]
        return types.count("TaskScheduled") - types.count("TaskStateEntered")


def object_created(key: str = "originals/a 'b\" ü.mp4", version: str | None = "v1") -> Payload:
    """EventBridge's event of a new object."""
    stored = {"key": key, "size": 9_000_000, "etag": "e", "sequencer": "1"}
    if version:
        stored["version-id"] = version
    return {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": "ingest"}, "object": stored, "reason": "PutObject"},
    }


@dataclass
class _NoCloud:
    store: Store
    endpoint = "http://127.0.0.1:9"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    created = World()
    aws.client.cache_clear()
    with mock_aws():
        aws.client("stepfunctions")  # by one thread: boto3 creates clients for one at a time
        store = Store(tmp_path / "state")
        moto_patches.install(_NoCloud(store))  # type: ignore[arg-type]  # its endpoint is replaced below
        moto_patches.replace_everywhere("boto_client_for", created.client)
        monkeypatch.setattr(tasks.MediaConvertTask, "clients", created.client, raising=False)
        monkeypatch.setattr(lambda_eval_utils, "execute_lambda_function_integration", created.invoke)
        skip_backoff(monkeypatch)
        boto3.client("dynamodb").create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield created
        moto_patches.suspend()
        store.close()
    default_user_config.pop("stepfunctions", None)
