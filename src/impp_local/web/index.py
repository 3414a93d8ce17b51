"""The page at `/` and `/_impp/`: what the local cloud is, how to use it, its pages, and what is deployed to it.

It reads moto's state directly, so that looking at the page is neither billed nor work under way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from moto.awslambda.models import lambda_backends
from moto.dynamodb.models import dynamodb_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.models import stepfunctions_backends

from impp_local.kernel import objects
from impp_local.kernel.contract import Call, Response
from impp_local.kernel.defaults import ACCOUNT, REGION, aws_settings

PATHS: Final = ("/", "/_impp", "/_impp/")

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""The page needs nothing but itself, and runs no script."""


class Resource(NamedTuple):
    """A row of the page: botocore's service, the resource's name, and what it holds ("" where nothing is counted)."""

    service: str
    name: str
    holds: str = ""


def is_for_people(call: Call) -> bool:
    """Whether a browser asks for the page. `/` is also S3's ListBuckets, which is signed."""
    if call.method not in ("GET", "HEAD") or call.path not in PATHS:
        return False
    return call.path != "/" or (call.access_key is None and "text/html" in call.headers.get("accept", ""))


def page(endpoint: str, state: Path, pages: Mapping[str, str], work: Mapping[str, int]) -> Response:
    """The page as HTML. `pages` are requests with their purposes, `work` is how much is under way by kind."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("index.html.j2").render(
        state=state,
        settings=aws_settings(endpoint),
        pages=pages,
        under_way=describe(work),
        resources=list(resources()),
    )
    headers = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": POLICY}
    return Response(200, headers, text.encode("utf-8", "replace"))


def describe(work: Mapping[str, int]) -> str:
    """How much is under way, in words."""
    counts = [f"{count} {kind if count != 1 else kind.removesuffix('s')}" for kind, count in work.items() if count]
    return f"Under way: {', '.join(counts)}." if counts else "Nothing is under way."


def resources() -> Iterator[Resource]:
    """What people look for: buckets, tables, state machines, functions, topics and queues."""
    for name, bucket in sorted(objects.backend().buckets.items()):
        yield Resource("s3", name, _count(len(bucket.keys), "object"))
    for name, table in sorted(_here(dynamodb_backends).tables.items()):
        yield Resource("dynamodb", name, _count(len(list(table.all_items())), "item"))
    for machine in sorted(_here(stepfunctions_backends).state_machines, key=lambda machine: str(machine.name)):
        yield Resource("stepfunctions", machine.name)
    for function in sorted(_here(lambda_backends).list_functions(), key=lambda function: str(function.function_name)):
        yield Resource("lambda", function.function_name)
    for topic in sorted(_here(sns_backends).topics.values(), key=lambda topic: str(topic.name)):
        yield Resource("sns", topic.name)
    for name, queue in sorted(_here(sqs_backends).queues.items()):
        yield Resource("sqs", name, _count(len(queue.messages), "message"))


def _here(backends: Any) -> Any:
    return backends[ACCOUNT][REGION]


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
