"""What enforcing IAM costs the local cloud: the same signed requests to a cloud that enforces and to one that does not.

    PYTHONPATH=src:edge .venv/bin/python benchmarks/enforcement_bench.py --rounds 10

Each round sends every request `--count` times over one connection to both clouds in turn, so that other work on the
machine disturbs both alike. The caller is a session of a role with a dozen statements; the buckets have a policy and a
key, as the pipeline's have. Prints requests per second (median of the rounds) and the processor time of the cloud per
request, and the share that enforcing adds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src")]

from botocore.auth import S3SigV4Auth, SigV4Auth  # noqa: E402
from botocore.awsrequest import AWSRequest  # noqa: E402
from botocore.credentials import Credentials  # noqa: E402

from impp_local.kernel.clients import Clients  # noqa: E402
from impp_local.kernel.defaults import ACCOUNT, REGION  # noqa: E402
from impp_local.kernel.principals import SESSION_SECRET, Session  # noqa: E402

BUCKET, TABLE, ROLE = "bench", "bench", f"arn:aws:iam::{ACCOUNT}:role/bench"
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass
class Cloud:
    """A local cloud in a process of its own, and what was measured."""

    process: subprocess.Popen[str]
    endpoint: str
    rates: dict[str, list[float]] = field(default_factory=dict)
    cpu_s: dict[str, list[float]] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client of the account's root."""
        return Clients(self.endpoint)(service)

    def processor_s(self) -> float:
        """Processor time of the process so far."""
        values = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(values[11]) + int(values[12])) * TICK_S


Prepared = tuple[str, str, bytes, dict[str, str]]


def main() -> None:
    """Measure, and print one line per request."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--count", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clouds = {flag: start(Path(folder) / flag.strip("-"), flag) for flag in ("--enforce", "--no-enforce")}
        try:
            requests = {cloud.endpoint: prepared(cloud) for cloud in clouds.values()}
            for number in range(options.rounds + 1):
                for name in REQUESTS:
                    for cloud in list(clouds.values())[:: 1 if number % 2 else -1]:
                        measure(cloud, name, requests[cloud.endpoint][name], options.count, keep=number > 0)
        finally:
            for cloud in clouds.values():
                cloud.process.terminate()
                cloud.process.wait()
    report(clouds["--enforce"], clouds["--no-enforce"])


def start(state: Path, flag: str) -> Cloud:
    """Start a cloud, and create what the requests need."""
    command = [sys.executable, "-m", "impp_local", "up", "--port", "0", "--state", str(state), "--no-durable", flag]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # noqa: S603
    assert process.stdout
    cloud = Cloud(process, process.stdout.readline().strip())
    iam, s3, dynamodb = cloud.client("iam"), cloud.client("s3"), cloud.client("dynamodb")
    key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
    trust = statement("sts:AssumeRole", Principal={"Service": "lambda.amazonaws.com"})
    iam.create_role(RoleName="bench", AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName="bench", PolicyName="work", PolicyDocument=document(*statements(key)))
    s3.create_bucket(Bucket=BUCKET)
    resources = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"]
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resources, "Condition": tls}
    s3.put_bucket_policy(Bucket=BUCKET, Policy=document(deny))
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.put_object(Bucket=BUCKET, Key="assets/a", Body=bytes(1000))
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return cloud


def statement(action: str | list[str], **members: Any) -> dict[str, Any]:
    """An Allow statement."""
    return {"Effect": "Allow", "Action": action, **members}


def document(*listed: dict[str, Any]) -> str:
    """A policy."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(listed)})


def statements(key: str) -> list[dict[str, Any]]:
    """A dozen statements, of which the requests need four."""
    others = [statement("sqs:SendMessage", Resource=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q{number}") for number in range(8)]
    return [
        *others,
        statement(["s3:GetObject", "s3:PutObject"], Resource=f"arn:aws:s3:::{BUCKET}/assets/*"),
        statement(
            "s3:ListBucket", Resource=f"arn:aws:s3:::{BUCKET}", Condition={"StringLike": {"s3:prefix": "assets/*"}}
        ),
        statement(["kms:Decrypt", "kms:GenerateDataKey"], Resource=key),
        statement(
            ["dynamodb:GetItem", "dynamodb:PutItem"], Resource=f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{TABLE}"
        ),
    ]


def dynamodb(operation: str, **members: Any) -> tuple[str, str, str, bytes, dict[str, str]]:
    """A request of DynamoDB."""
    headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}", "Content-Type": "application/x-amz-json-1.0"}
    return "dynamodb", "POST", "/", json.dumps({"TableName": TABLE, **members}).encode(), headers


REQUESTS: dict[str, tuple[str, str, str, bytes, dict[str, str]]] = {
    "GetObject": ("s3", "GET", f"/{BUCKET}/assets/a", b"", {}),
    "PutObject": ("s3", "PUT", f"/{BUCKET}/assets/b", bytes(1000), {}),
    "ListObjectsV2": ("s3", "GET", f"/{BUCKET}?list-type=2&prefix=assets%2F", b"", {}),
    "GetItem": dynamodb("GetItem", Key={"pk": {"S": "a"}}),
    "PutItem": dynamodb("PutItem", Item={"pk": {"S": "a"}}),
}


def prepared(cloud: Cloud) -> dict[str, Prepared]:
    """The requests, signed once: a signature holds for five minutes."""
    session = Session(ROLE, "bench")
    credentials = Credentials(session.access_key, SESSION_SECRET, session.token)
    signed = {}
    for name, (service, method, target, body, headers) in REQUESTS.items():
        request = AWSRequest(method, cloud.endpoint + target, headers, body)
        signer: Callable[..., Any] = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(credentials, service, REGION).add_auth(request)
        signed[name] = (method, target, body, {k: str(v) for k, v in request.prepare().headers.items()})
    return signed


def measure(cloud: Cloud, name: str, request: Prepared, count: int, *, keep: bool) -> None:
    """Send a request `count` times."""
    method, target, body, headers = request
    connection = HTTPConnection(urlsplit(cloud.endpoint).netloc)
    before, began = cloud.processor_s(), time.perf_counter()
    for _ in range(count):
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        text = response.read()
        if response.status != 200:
            sys.exit(f"{name}: {response.status} {text.decode(errors='replace')}")
    seconds, processor_s = time.perf_counter() - began, cloud.processor_s() - before
    connection.close()
    if keep:
        cloud.rates.setdefault(name, []).append(count / seconds)
        cloud.cpu_s.setdefault(name, []).append(processor_s / count)


def report(enforcing: Cloud, open_: Cloud) -> None:
    """Print the medians."""
    print(f"{'request':14} {'req/s':>8} {'enforced':>9} {'':>7} {'CPU ms':>8} {'enforced':>9}")
    for name in REQUESTS:
        rate, slower = statistics.median(open_.rates[name]), statistics.median(enforcing.rates[name])
        cpu, more = statistics.mean(open_.cpu_s[name]) * 1000, statistics.mean(enforcing.cpu_s[name]) * 1000
        print(
            f"{name:14} {rate:8.0f} {slower:9.0f} {slower / rate - 1:7.1%} {cpu:8.2f} {more:9.2f} {more / cpu - 1:7.1%}"
        )


if __name__ == "__main__":
    main()
