"""How many executions per second the local cloud's state machine runs with instant functions.

    PYTHONPATH=src python benchmarks/states_bench.py [--executions 200] [--at-once 16]

The machine has nine states as the pipeline has: a conditional DynamoDB put, four functions (two of them in parallel),
two choices and a pass with variables; every function answers at once, so what is measured is the interpreter, JSONata,
the warm workers and the gateway. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from impp_local.cloud import LocalCloud


def definition(function: str, table: str) -> dict[str, Any]:
    """Nine states; each run enters all of them."""
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {"FunctionName": function, "Payload": {"asset": "{% $media.asset %}"}},
        "Output": "{% $states.result.Payload %}",
    }
    branch = {"StartAt": "Call", "States": {"Call": {**call, "End": True}}}
    put = {
        "TableName": table,
        "Item": {"pk": {"S": "{% 'CLAIM#' & $states.context.Execution.Name %}"}},
        "ConditionExpression": "attribute_not_exists(pk)",
    }
    always = {"Condition": "{% $exists($media.asset) %}"}
    return {
        "QueryLanguage": "JSONata",
        "StartAt": "Read",
        "States": {
            "Read": {"Type": "Pass", "Assign": {"media": {"asset": "{% $states.input.asset %}"}}, "Next": "Claim"},
            "Claim": {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Arguments": put,
                "Next": "First",
            },
            "First": {**call, "Next": "Route"},
            "Route": {"Type": "Choice", "Choices": [{**always, "Next": "Both"}]},
            "Both": {"Type": "Parallel", "Branches": [branch, branch], "Next": "Check"},
            "Check": {"Type": "Choice", "Choices": [{**always, "Next": "Last"}]},
            "Last": {**call, "End": True},
        },
    }


def prepare(cloud: LocalCloud) -> str:
    """Create the function, table and state machine; returns the machine's ARN."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context):\n    return event\n")
    cloud.client("iam").create_role(RoleName="bench", AssumeRolePolicyDocument="{}")
    function = cloud.client("lambda").create_function(
        FunctionName="instant",
        Runtime="python3.13",
        Handler="app.handler",
        Role="arn:aws:iam::123456789012:role/bench",
        Code={"ZipFile": code.getvalue()},
        Timeout=10,
    )["FunctionArn"]
    cloud.client("dynamodb").create_table(
        TableName="claims",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
    )
    machine = cloud.client("stepfunctions").create_state_machine(
        name="bench",
        definition=json.dumps(definition(function, "claims")),
        roleArn="arn:aws:iam::123456789012:role/bench",
    )
    return str(machine["stateMachineArn"])


def run_one(cloud: LocalCloud, machine: str, number: int) -> float:
    """Run an execution to its end; returns its seconds as Step Functions reports them. Raises when it failed."""
    client = cloud.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=machine, input=json.dumps({"asset": f"{number:020x}"}))["executionArn"]
    while (run := client.describe_execution(executionArn=arn))["status"] == "RUNNING":
        time.sleep(0.02)
    if run["status"] != "SUCCEEDED":
        raise RuntimeError(f"{run['status']}: {run.get('cause')}")
    return float((run["stopDate"] - run["startDate"]).total_seconds())


def main() -> None:
    """Warm up, measure, print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--executions", type=int, default=200)
    arguments.add_argument("--at-once", type=int, default=16)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder, LocalCloud(port=0, state=Path(folder)) as cloud:
        machine = prepare(cloud)
        with ThreadPoolExecutor(options.at_once) as pool:
            list(pool.map(lambda n: run_one(cloud, machine, n), range(options.at_once)))
            began = time.monotonic()
            times = sorted(pool.map(lambda n: run_one(cloud, machine, n), range(options.executions)))
            seconds = time.monotonic() - began
        metrics = cloud.metrics()
    print(
        json.dumps(
            {
                "executions": options.executions,
                "at_once": options.at_once,
                "executions_per_second": round(options.executions / seconds, 1),
                "transitions_per_second": round(options.executions * 9 / seconds, 1),
                "seconds_median": round(statistics.median(times), 3),
                "seconds_p95": round(times[int(len(times) * 0.95)], 3),
                "peak_rss_mb": round(metrics["peak_rss_bytes"] / 2**20),
            }
        )
    )


if __name__ == "__main__":
    main()
