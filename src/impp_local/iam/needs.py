"""What a call needs: its actions, on which resources, with which condition keys.

Mostly the operation is the action. Resource types and condition keys are those of the Service Authorization Reference
(https://docs.aws.amazon.com/service-authorization/latest/reference/). An operation that names no resource here needs
its action on `*`, so that a statement for single resources does not allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from impp_local.iam import s3_needs
from impp_local.iam.matching import Context
from impp_local.iam.need import Need
from impp_local.iam.state import backend
from impp_local.kernel.contract import Call

_PREFIXES: Final = {
    "stepfunctions": "states",
    "resourcegroupstaggingapi": "tag",
    "s3control": "s3",
    "sagemaker-runtime": "sagemaker",
}
"""The service in actions, where it is not botocore's name."""

_ACTIONS: Final = {("lambda", "Invoke"): "lambda:InvokeFunction", ("lambda", "InvokeAsync"): "lambda:InvokeFunction"}


def needs_of(call: Call) -> list[Need]:
    """All that the caller must be allowed to do; the first is the operation itself."""
    if call.service == "s3":
        return s3_needs.needs_of(call)
    action = _ACTIONS.get((call.service, call.operation)) or action_of(call.service, call.operation)
    describe = _DESCRIBED.get(call.service)
    if describe is None:
        return [Need(action, "*")]
    return describe(_Scope(call, action))


def action_of(service: str, operation: str) -> str:
    """An operation's action."""
    return f"{_PREFIXES.get(service, service)}:{operation}"


@dataclass(frozen=True)
class _Scope:
    """A call on its way to its needs."""

    call: Call
    action: str
    params: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", self.call.params)

    def arn(self, resource: str, service: str | None = None) -> str:
        """The ARN of a resource of the call's service, account and region."""
        prefix = service or self.action.partition(":")[0]
        return f"arn:aws:{prefix}:{self.call.region}:{self.call.account}:{resource}"

    def on(self, resource: str | None, context: Context | None = None) -> list[Need]:
        """The operation's action on a resource."""
        return [Need(self.action, resource or "*", context or {})]


# --- services ---------------------------------------------------------------------------------------------------------


def _dynamodb(scope: _Scope) -> list[Need]:
    params = scope.params
    if "RequestItems" in params:
        return [
            Need(scope.action, _table(scope, name), _leading_keys(name, _keys_of(entry)))
            for name, entry in params["RequestItems"].items()
        ]
    if "TransactItems" in params:
        return [
            Need(_TRANSACTED[kind], _table(scope, one["TableName"]), _leading_keys(one["TableName"], _keys_of(one)))
            for item in params["TransactItems"]
            for kind, one in item.items()
        ]
    name = params.get("TableName")
    if name is None:
        return scope.on(params.get("ResourceArn"))
    resource = _table(scope, name)
    if index := params.get("IndexName"):
        resource = f"{resource}/index/{index}"
    return scope.on(resource, _leading_keys(name, _keys_of(params)))


_TRANSACTED: Final = {
    "Get": "dynamodb:GetItem",
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
}


def _table(scope: _Scope, name: str) -> str:
    return name if name.startswith("arn:") else scope.arn(f"table/{name}")


def _keys_of(request: Any) -> list[Mapping[str, Any]]:
    """The keys or items of a single request, or of a table's part of a batch."""
    if isinstance(request, Sequence):  # BatchWriteItem
        return [key for write in request for part in write.values() for key in _keys_of(part)]
    if "Keys" in request:  # BatchGetItem
        return list(request["Keys"])
    return [request[member] for member in ("Key", "Item") if member in request]


def _leading_keys(table: str, keys: Iterable[Mapping[str, Any]]) -> Context:
    """dynamodb:LeadingKeys: the values of the partition key."""
    known = backend("dynamodb").tables.get(table.rpartition("/")[2])
    if known is None:
        return {}
    name = known.hash_key_attr
    values = [str(next(iter(key[name].values()))) for key in keys if name in key]
    return {"dynamodb:leadingkeys": values} if values else {}


def _sqs(scope: _Scope) -> list[Need]:
    params = scope.params
    name = params.get("QueueName") or str(params.get("QueueUrl") or "").rpartition("/")[2]
    return scope.on(scope.arn(name) if name else None)


def _sns(scope: _Scope) -> list[Need]:
    params = scope.params
    arn = params.get("TopicArn") or params.get("TargetArn") or params.get("ResourceArn")
    if arn is None and "Name" in params:
        arn = scope.arn(params["Name"])
    if arn is None and "SubscriptionArn" in params:  # a subscription's ARN is its topic's and an id
        arn = params["SubscriptionArn"].rpartition(":")[0]
    context = {"sns:protocol": params["Protocol"]} if "Protocol" in params else {}
    return scope.on(arn, context)


def _lambda(scope: _Scope) -> list[Need]:
    name = scope.params.get("FunctionName")
    if name is None:
        return scope.on(scope.params.get("Resource"))
    arn = name if name.startswith("arn:") else scope.arn(f"function:{name}")
    qualifier = scope.params.get("Qualifier")
    passed = _passed_role(scope.params.get("Role"), "lambda.amazonaws.com")
    return [*scope.on(f"{arn}:{qualifier}" if qualifier else arn), *passed]


def _states(scope: _Scope) -> list[Need]:
    params = scope.params
    arn = params.get("stateMachineArn") or params.get("executionArn") or params.get("resourceArn")
    if arn is None and "taskToken" in params:
        # The reference lists no resource for the three operations with a task token, but AWS accepts the state
        # machine's: https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_stepfunctions-readme.html grants it.
        arn = machine_of_token(params["taskToken"])
        if arn is None:  # InvalidToken or TaskTimedOut follows
            return []
    if arn is None and "name" in params:
        arn = scope.arn(f"stateMachine:{params['name']}")
    return [*scope.on(arn), *_passed_role(params.get("roleArn"), "states.amazonaws.com")]


TokenOwner = Callable[[str], str | None]
_token_owner: TokenOwner = lambda _token: None  # noqa: E731


def know_tokens(owner: TokenOwner) -> None:
    """Let Step Functions say which state machine a task token belongs to."""
    global _token_owner
    _token_owner = owner


def machine_of_token(token: str) -> str | None:
    """The state machine whose task has this token; None for a token that waits for no answer."""
    return _token_owner(token)


def _mediaconvert(scope: _Scope) -> list[Need]:
    params, operation = scope.params, scope.call.operation
    if operation == "CreateJob":
        queue = params.get("Queue") or "Default"
        arn = queue if queue.startswith("arn:") else scope.arn(f"queues/{queue}")
        tags = params.get("Tags") or {}
        tagging = [Need("mediaconvert:TagResource", arn, request_tags(tags))] if tags else []
        role = _passed_role(params.get("Role"), "mediaconvert.amazonaws.com")
        return [*scope.on(arn, request_tags(tags)), *tagging, *role]
    if operation in ("GetJob", "CancelJob"):
        return scope.on(scope.arn(f"jobs/{params['Id']}"))
    if operation.endswith("Queue"):
        return scope.on(scope.arn(f"queues/{params['Name']}"))
    if operation == "Probe":  # "reads with the caller's permissions", as the caller's other requests to S3
        urls = [file.get("FileUrl") or "" for file in params.get("InputFiles") or []]
        return [
            *scope.on(None),
            *(Need("s3:GetObject", f"arn:aws:s3:::{url[5:]}") for url in urls if url[:5] == "s3://"),
        ]
    return scope.on(params.get("Arn"))


def _transcribe(scope: _Scope) -> list[Need]:
    params = scope.params
    if scope.call.operation == "StartTranscriptionJob":
        tags = request_tags({tag["Key"]: tag["Value"] for tag in params.get("Tags") or []})
        members = ("OutputBucketName", "OutputEncryptionKMSKeyId", "OutputKey")
        context = {f"transcribe:{name.lower()}": params[name] for name in members if params.get(name)} | tags
        return [*scope.on(None, context), *([Need("transcribe:TagResource", "*", context)] if tags else [])]
    name = params.get("TranscriptionJobName")
    return scope.on(scope.arn(f"transcription-job/{name}") if name else None)


def _rekognition(scope: _Scope) -> list[Need]:
    channel = scope.params.get("NotificationChannel") or {}
    return [*scope.on(None), *_passed_role(channel.get("RoleArn"), "rekognition.amazonaws.com")]


def _sagemaker(scope: _Scope) -> list[Need]:
    params = scope.params
    passed = _passed_role(params.get("ExecutionRoleArn"), "sagemaker.amazonaws.com")
    # ARNs of SageMaker have names in lower case.
    for member, kind in (
        ("EndpointName", "endpoint"),
        ("EndpointConfigName", "endpoint-config"),
        ("ModelName", "model"),
    ):
        if member in params:
            return [*scope.on(scope.arn(f"{kind}/{params[member].lower()}")), *passed]
    return scope.on(params.get("ResourceArn"))


def _logs(scope: _Scope) -> list[Need]:
    params = scope.params
    group = params.get("logGroupName")
    stream = params.get("logStreamName")
    if group is None:
        return scope.on(params.get("resourceArn") or params.get("logGroupIdentifier"))
    return scope.on(scope.arn(f"log-group:{group}" + (f":log-stream:{stream}" if stream else "")))


def _secretsmanager(scope: _Scope) -> list[Need]:
    name = scope.params.get("SecretId") or scope.params.get("Name")
    if name is None or name.startswith("arn:"):
        return scope.on(name)
    secret = backend("secretsmanager", scope.call.region).secrets.get(name)
    return scope.on(secret.arn if secret else scope.arn(f"secret:{name}"))


def _kms(scope: _Scope) -> list[Need]:
    params = scope.params
    context = encryption_context(params.get("EncryptionContext") or {}) | {"kms:calleraccount": scope.call.account}
    if "KeyPairSpec" in params:
        context["kms:datakeypairspec"] = params["KeyPairSpec"]
    return scope.on(key_arn(params.get("KeyId"), scope.call.region), context)


def _ssm(scope: _Scope) -> list[Need]:
    """A parameter's ARN has one slash before its name, which may begin with one."""
    names = scope.params.get("Names") or [name for name in (scope.params.get("Name"),) if name]
    arns = [name if name.startswith("arn:") else scope.arn(f"parameter/{name.lstrip('/')}") for name in names]
    return [need for arn in arns or [None] for need in scope.on(arn)]


def _cloudfront(scope: _Scope) -> list[Need]:
    params = scope.params
    if "DistributionId" in params:  # CloudFront's ARNs have no region
        return scope.on(f"arn:aws:cloudfront::{scope.call.account}:distribution/{params['DistributionId']}")
    return scope.on(None)


def _events(scope: _Scope) -> list[Need]:
    """PutEvents answers for each entry by itself on AWS; here one that is denied denies them all."""
    if scope.call.operation != "PutEvents":
        return scope.on(None)
    needs = []
    for entry in scope.params.get("Entries") or []:
        bus = str(entry.get("EventBusName") or "default")
        arn = bus if bus.startswith("arn:") else scope.arn(f"event-bus/{bus}")
        context = {"events:source": entry.get("Source"), "events:detail-type": entry.get("DetailType")}
        needs += scope.on(arn, {name: value for name, value in context.items() if value})
    return needs


def _cloudwatch(scope: _Scope) -> list[Need]:
    namespace = scope.params.get("Namespace")
    return scope.on(None, {"cloudwatch:namespace": namespace} if namespace else {})


def _sts(scope: _Scope) -> list[Need]:
    params = scope.params
    context: dict[str, Any] = request_tags({tag["Key"]: tag["Value"] for tag in params.get("Tags") or []})
    for key, member in (("sts:rolesessionname", "RoleSessionName"), ("sts:externalid", "ExternalId")):
        if params.get(member):
            context[key] = params[member]
    return scope.on(params.get("RoleArn"), context)


def _iam(scope: _Scope) -> list[Need]:
    params, account = scope.params, scope.call.account
    for member, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"), ("PolicyName", "policy")):
        if member in params:
            boundary = params.get("PermissionsBoundary")
            context = {"iam:permissionsboundary": boundary} if boundary else {}
            return scope.on(f"arn:aws:iam::{account}:{kind}{params.get('Path') or '/'}{params[member]}", context)
    return scope.on(params.get("PolicyArn"))


_DESCRIBED: Final[Mapping[str, Callable[[_Scope], list[Need]]]] = {
    "cloudfront": _cloudfront,
    "cloudfront-keyvaluestore": lambda scope: scope.on(scope.params["KvsARN"]),
    "cloudwatch": _cloudwatch,
    "dynamodb": _dynamodb,
    "events": _events,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "mediaconvert": _mediaconvert,
    "rekognition": _rekognition,
    "sagemaker": _sagemaker,
    "sagemaker-runtime": _sagemaker,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "stepfunctions": _states,
    "sts": _sts,
    "transcribe": _transcribe,
}


# --- parts that several have ------------------------------------------------------------------------------------------


def _passed_role(role: str | None, service: str) -> list[Need]:
    """iam:PassRole for a role that a call gives to a service."""
    return [Need("iam:PassRole", role, {"iam:passedtoservice": service})] if role else []


def request_tags(tags: Mapping[str, str]) -> dict[str, Any]:
    """aws:RequestTag/… and aws:TagKeys."""
    if not tags:
        return {}
    return {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()} | {"aws:tagkeys": list(tags)}


def encryption_context(context: Mapping[str, str]) -> dict[str, Any]:
    """kms:EncryptionContext:… and kms:EncryptionContextKeys."""
    keys = {f"kms:encryptioncontext:{key.lower()}": value for key, value in context.items()}
    return keys | ({"kms:encryptioncontextkeys": list(context)} if context else {})


def key_arn(key: str | None, region: str) -> str | None:
    """The ARN of a key that a call names by id, alias or ARN; what it names if there is no such key."""
    if key is None:
        return None
    keys = backend("kms", region)
    name = keys.get_key_id(key)
    name = keys.get_key_id_from_alias(name) or name if "alias/" in name else name
    known = keys.keys.get(name)
    return str(known.arn) if known else key
