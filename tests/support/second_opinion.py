"""Second opinions from npm, each in one process of Node.js: the reference engine of JSONata, and asl-validator.

Step Functions has JSONata 2.0.6 (https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html), so that
version is pinned.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from typing import Any

from tests.support import node_packages
from tests.support.node_packages import SCRIPTS

from impp_local.services.stepfunctions import jsonata

MILLIS = 1_800_000_000_000
"""What the clock shows while expressions are compared, in milliseconds of the epoch."""


def reference_results(evaluations: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """What the reference engine makes of each expression and its variables, in the words of :func:`our_result`."""
    requests = ({"expression": e, "variables": v, "millis": MILLIS} for e, v in evaluations)
    return [_in_words(answer) for answer in _run("evaluate.js", requests)]


def our_result(expression: str, variables: dict[str, Any]) -> str:
    """The value as JSON, or how the sentence of the error goes on."""
    try:
        return _json(jsonata.evaluate(expression, variables, now_ms=MILLIS))
    except jsonata.QueryError as error:
        return str(error)


def asl_errors(definitions: Iterable[dict[str, Any]]) -> list[list[str]]:
    """What asl-validator finds wrong with each definition."""
    return list(_run("validate.js", definitions))


def _in_words(answer: dict[str, Any]) -> str:
    if "value" in answer:
        return _json(answer["value"])
    if "code" in answer:
        return f"threw an error during evaluation. {answer['code']}: {answer['message']}"
    return "returned an unsupported result type." if "type" in answer else "returned nothing (undefined)."


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _run(script: str, requests: Iterable[Any]) -> Iterator[Any]:
    lines = "".join(f"{json.dumps(request)}\n" for request in requests)
    environment = {**os.environ, "NODE_PATH": str(node_packages.installed())}
    done = subprocess.run(
        ["node", str(SCRIPTS / script)], input=lines, capture_output=True, text=True, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return map(json.loads, done.stdout.splitlines())
