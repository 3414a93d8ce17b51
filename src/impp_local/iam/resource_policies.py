"""Policies of resources, as moto keeps them: buckets, queues, topics, functions, keys, secrets, and roles' trust."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from impp_local.iam import callers
from impp_local.iam.policies import Statements, parse
from impp_local.iam.state import backend
from impp_local.kernel.defaults import ACCOUNT, REGION


def policy_of(arn: str, action: str) -> Statements | None:
    """The policy of the resource that an action is on; None when it has none."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return None
    if parts[2] == "iam":
        return callers.trust_of(arn) if action.startswith("sts:") else None
    find = _FINDERS.get(parts[2])
    label, document = find(parts[3] or REGION, parts[5]) if find else ("", None)
    return parse(document, label) if document else None


def all_statements() -> Iterator[Statements]:
    """The statements of every policy: of roles with their trust, and of the resources in this region."""
    for _, statements in callers.roles():
        yield statements
    for service, list_resources in _LISTS.items():
        for resource in list_resources():
            label, document = _FINDERS[service](REGION, resource)
            if document:
                yield parse(document, label)


# --- what moto keeps --------------------------------------------------------------------------------------------------


Named = tuple[str, str | None]
"""How a policy is called in reports, and its JSON."""


def _bucket(_region: str, resource: str) -> Named:
    name = resource.partition("/")[0]
    bucket = backend("s3").buckets.get(name)
    policy = bucket.policy if bucket else None
    return f"bucket {name}", policy.decode() if isinstance(policy, bytes) else policy


def _queue(region: str, name: str) -> Named:
    queue = backend("sqs", region).queues.get(name)
    return f"queue {name}", queue.policy if queue else None


def _topic(region: str, name: str) -> Named:
    topic = backend("sns", region).topics.get(f"arn:aws:sns:{region}:{ACCOUNT}:{name}")
    return f"topic {name}", topic.policy if topic else None


def _function(region: str, resource: str) -> Named:
    name = resource.split(":")[1] if ":" in resource else resource
    function = next((f for f in backend("lambda", region).list_functions() if f.function_name == name), None)
    statements = function.policy.statements if function and function.policy else []
    return f"function {name}", json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else None


def _key(region: str, resource: str) -> Named:
    key = backend("kms", region).keys.get(resource.removeprefix("key/"))
    if key is None:
        return resource, None
    return f"key {next(iter(sorted(key.aliases)), key.id)}", key.policy


def _secret(region: str, resource: str) -> Named:
    secrets = backend("secretsmanager", region).secrets.values()
    secret: Any = next((one for one in list(secrets) if one.arn.endswith(f":{resource}")), None)
    return f"secret {secret.name if secret else resource}", secret.policy if secret else None


_FINDERS: Final[Mapping[str, Callable[[str, str], Named]]] = {
    "kms": _key,
    "lambda": _function,
    "s3": _bucket,
    "secretsmanager": _secret,
    "sns": _topic,
    "sqs": _queue,
}
"""By the service in an ARN: from region and resource to the policy."""


_LISTS: Final[Mapping[str, Callable[[], list[str]]]] = {
    "kms": lambda: [
        f"key/{name}"
        for name, key in backend("kms").keys.items()
        if not any(alias.startswith("alias/aws/") for alias in key.aliases)  # AWS's own
    ],
    "lambda": lambda: [f"function:{one.function_name}" for one in backend("lambda").list_functions()],
    "s3": lambda: list(backend("s3").buckets),
    "secretsmanager": lambda: [
        f"secret:{one.arn.rpartition(':')[2]}" for one in backend("secretsmanager").secrets.values()
    ],
    "sns": lambda: [arn.rpartition(":")[2] for arn in backend("sns").topics],
    "sqs": lambda: list(backend("sqs").queues),
}
"""The resources of a service in the form that its finder takes."""
