"""What a call needs of a KMS key, because what it reads or writes is encrypted with it.

The service calls KMS for the caller, with the caller's permissions (a forward access session,
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html), and names itself in
kms:ViaService. The actions are those that each service documents:

- S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
- SQS: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
- SNS: https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
- Secrets Manager: https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html
- DynamoDB: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
- Parameter Store: https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html
- Step Functions: https://docs.aws.amazon.com/step-functions/latest/dg/encryption-at-rest.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from impp_local.iam import s3_needs
from impp_local.iam.need import Need
from impp_local.iam.needs import encryption_context, key_arn
from impp_local.iam.state import backend
from impp_local.kernel.contract import Call
from impp_local.kernel.defaults import ACCOUNT, REGION

READ: Final = ("kms:Decrypt",)
WRITE: Final = ("kms:GenerateDataKey",)
BOTH: Final = ("kms:GenerateDataKey", "kms:Decrypt")


def needs_of(call: Call) -> list[Need]:
    """The needs beside the operation's own; none for what no key of the account's encrypts."""
    describe = _DESCRIBED.get(call.service)
    return describe(call) if describe else []


def of_object(bucket: str, key: str, actions: tuple[str, ...], *, region: str = REGION) -> list[Need]:
    """Reading or writing an object: with the key that it is stored with, or else the bucket's."""
    stored = s3_needs.stored_object(bucket, key, None) if actions == READ else None
    known = backend("s3").buckets.get(bucket)
    rule = ((known.encryption if known else None) or {}).get("Rule") or {}
    default = rule.get("ApplyServerSideEncryptionByDefault") or {}
    name = (stored.kms_key_id if stored else None) or default.get("KMSMasterKeyID")
    has_bucket_key = str(rule.get("BucketKeyEnabled", "")).lower() == "true"
    arn = f"arn:aws:s3:::{bucket}" if has_bucket_key else s3_needs.object_arn(bucket, key)
    return _needs(name, actions, "s3", {"aws:s3:arn": arn}, region)


def of_queue(name: str, actions: tuple[str, ...], *, region: str = REGION) -> list[Need]:
    """Sending to a queue needs both actions, receiving only to decrypt."""
    queue = backend("sqs", region).queues.get(name)
    key = getattr(queue, "kms_master_key_id", None)
    return _needs(key, actions, "sqs", {"aws:sqs:arn": f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"}, region)


def of_topic(arn: str) -> list[Need]:
    """Publishing to a topic."""
    region = arn.split(":")[3]
    topic = backend("sns", region).topics.get(arn)
    return _needs(getattr(topic, "kms_master_key_id", None), BOTH, "sns", {"aws:sns:topicArn": arn}, region)


def of_schedule(arn: str) -> list[Need]:
    """Running a schedule: its role decrypts the input, and creates no data key. AWS's user guide leaves open whose
    permissions these are; the CDK's integration test on AWS shows it (aws/aws-cdk, pull request 31923)."""
    if ":schedule/" not in arn:
        return []
    region, (group, name) = arn.split(":")[3], arn.split("/")[1:]
    key = getattr(backend("scheduler", region).schedule_groups[group].schedules.get(name), "kms_key_arn", None)
    return _needs(key, READ, "scheduler", {"aws:scheduler:schedule:arn": arn}, region)


def of_machine(arn: str, actions: tuple[str, ...]) -> list[Need]:
    """Starting, reading or answering an execution of a state machine."""
    from moto.stepfunctions.responses import get_backend

    region = arn.split(":")[3]
    machines = get_backend(ACCOUNT, region).state_machines
    machine = next((one for one in list(machines) if one.arn == arn), None)
    key = (getattr(machine, "encryptionConfiguration", None) or {}).get("kmsKeyId")
    return _needs(key, actions, "states", {"aws:states:stateMachineArn": arn}, region)


def _needs(
    key: str | None, actions: tuple[str, ...], service: str, context: Mapping[str, str], region: str
) -> list[Need]:
    """The actions on a key of the account's; keys that AWS manages (alias/aws/…) grant what they are used for."""
    if not key or "alias/aws/" in key:
        return []
    via = {"kms:viaservice": f"{service}.{region}.amazonaws.com", "kms:calleraccount": ACCOUNT}
    full = via | encryption_context(context)
    return [Need(action, key_arn(key, region) or key, full) for action in actions]


# --- services ---------------------------------------------------------------------------------------------------------


_S3_ACTIONS: Final = {
    "CompleteMultipartUpload": READ,
    "CopyObject": WRITE,
    "CreateMultipartUpload": WRITE,
    "GetObject": READ,
    "GetObjectAttributes": READ,
    "PutObject": WRITE,
    "SelectObjectContent": READ,
    "UploadPart": READ,
    "UploadPartCopy": READ,
}


def _s3(call: Call) -> list[Need]:
    bucket, key = s3_needs.bucket_and_key(call)
    actions = _S3_ACTIONS.get(call.operation)
    if call.operation == "HeadObject" and call.headers.get("x-amz-checksum-mode"):
        actions = READ  # API reference of HeadObject: a checksum of an encrypted object needs kms:Decrypt
    if not key or actions is None:
        return []
    return of_object(bucket, key, actions, region=call.region)


def _sqs(call: Call) -> list[Need]:
    name = str(call.params.get("QueueUrl") or "").rpartition("/")[2]
    actions = {"SendMessage": BOTH, "SendMessageBatch": BOTH, "ReceiveMessage": READ}.get(call.operation)
    return of_queue(name, actions, region=call.region) if actions else []


def _sns(call: Call) -> list[Need]:
    if call.operation not in ("Publish", "PublishBatch"):
        return []
    arn = call.params.get("TopicArn") or call.params.get("TargetArn")
    return of_topic(arn) if arn else []


def _secretsmanager(call: Call) -> list[Need]:
    actions = {"GetSecretValue": READ, "PutSecretValue": BOTH}.get(call.operation)
    name = call.params.get("SecretId")
    if actions is None or name is None:
        return []
    secrets = backend("secretsmanager", call.region).secrets
    secret: Any = next((one for one in list(secrets.values()) if name in (one.name, one.arn)), None)
    if secret is None:
        return []
    return _needs(secret.kms_key_id, actions, "secretsmanager", {"SecretARN": secret.arn}, call.region)


def _ssm(call: Call) -> list[Need]:
    """A standard secure string: "Parameter Store calls the Encrypt operation", and Decrypt to read it."""
    name, params = call.params.get("Name"), call.params
    if call.operation == "PutParameter" and params.get("Type") == "SecureString":
        key, actions = params.get("KeyId"), ("kms:Encrypt",)
    elif call.operation == "GetParameter" and params.get("WithDecryption"):
        known: Any = backend("ssm", call.region)._parameters.get(name)
        key, actions = (known[-1].keyid if known else None), READ
    else:
        return []
    arn = f"arn:aws:ssm:{call.region}:{call.account}:parameter/{str(name).lstrip('/')}"
    return _needs(key, actions, "ssm", {"PARAMETER_ARN": arn}, call.region)


_ITEM_OPERATIONS: Final = {"DeleteItem", "GetItem", "PutItem", "Query", "Scan", "UpdateItem"}


def _dynamodb(call: Call) -> list[Need]:
    if call.operation not in _ITEM_OPERATIONS:
        return []
    name = call.params.get("TableName")
    table = backend("dynamodb", call.region).tables.get(name) if name else None
    key = (getattr(table, "sse_specification", None) or {}).get("KMSMasterKeyId")
    context = {"aws:dynamodb:tableName": str(name), "aws:dynamodb:subscriberId": call.account}
    return _needs(key, READ, "dynamodb", context, call.region)


_STATES_ACTIONS: Final = {
    "DescribeExecution": READ,
    "GetExecutionHistory": READ,
    "SendTaskFailure": BOTH,
    "SendTaskSuccess": BOTH,
    "StartExecution": BOTH,
}


def _states(call: Call) -> list[Need]:
    from impp_local.iam.needs import machine_of_token

    actions = _STATES_ACTIONS.get(call.operation)
    params = call.params
    arn = params.get("stateMachineArn") or machine_of_token(params.get("taskToken") or "")
    if arn is None and "executionArn" in params:
        arn = params["executionArn"].replace(":execution:", ":stateMachine:").rpartition(":")[0]
    return of_machine(arn, actions) if arn and actions else []


_DESCRIBED: Final[Mapping[str, Callable[[Call], Any]]] = {
    "dynamodb": _dynamodb,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "stepfunctions": _states,
}
