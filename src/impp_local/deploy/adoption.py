"""What exists in the local cloud although Terraform would create it, and what Terraform imports it by.

A kill can separate the cloud from Terraform's state: something was created, and nobody wrote it down. Each type of
resource that the root creates there is in one of two tables: `LOOKUPS` tell whether a resource of this configuration
exists, and `OVERWRITTEN` are created the same way whether they exist or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import jmespath  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from impp_local.kernel.clients import Clients
from impp_local.kernel.defaults import ACCOUNT, REGION

Values = Mapping[str, Any]
"""A resource's configuration as far as the plan knows it, in the provider's names."""


class NotYetKnownError(LookupError):
    """The configuration depends on another resource that is still to be created or imported."""


@dataclass(frozen=True)
class Lookup:
    """A call that finds a resource by its configuration.

    Braces stand for attributes of the configuration, and for `account`, `region` and, in `import_id`, the `match`.
    """

    service: str
    operation: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    query: str | None = None
    """JMESPath of the match in the response, or in each page of it. None: it exists if the call succeeds."""
    import_id: str = "{match}"
    """By the provider's documentation of the resource, section "Import"."""

    def __call__(self, clients: Clients, values: Values) -> str | None:
        """The id to import it by; None if it does not exist. Raises NotYetKnownError, ClientError."""
        arguments = {name: _filled(template, values) for name, template in self.arguments.items()}
        query = _filled(self.query, {name: _in_jmespath(value) for name, value in values.items()}) if self.query else ""
        try:
            matches = list(_matches(clients(self.service), self.operation, arguments, query))
        except ClientError as error:
            if _is_missing(error):
                return None
            raise
        return _filled(self.import_id, {**values, "match": matches[0]}) if matches else None


def _matches(client: Any, operation: str, arguments: Mapping[str, str], query: str) -> Iterator[Any]:
    if not query:
        getattr(client, operation)(**arguments)
        yield True
    elif client.can_paginate(operation):
        yield from (match for match in client.get_paginator(operation).paginate(**arguments).search(query) if match)
    else:
        match = jmespath.search(query, getattr(client, operation)(**arguments))
        yield from match if isinstance(match, list) else [match] if match else []


def _filled(template: str, values: Values) -> str:
    try:
        return template.format_map(
            {"account": ACCOUNT, "region": REGION} | {name: value for name, value in values.items() if value}
        )
    except KeyError as missing:
        raise NotYetKnownError(*missing.args) from None


def _in_jmespath(value: Any) -> Any:
    """A text as it stands between JMESPath's single quotes."""
    return value.replace("\\", "\\\\").replace("'", "\\'") if isinstance(value, str) else value


def _is_missing(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    code = error.response["Error"]["Code"]
    return status == 404 or any(word in code for word in ("NotFound", "NoSuch", "NonExistent", "DoesNotExist"))


def _kms_key(clients: Clients, values: Values) -> str | None:
    """KMS finds keys by id or alias only, so by the description of each."""
    client = clients("kms")
    for page in client.get_paginator("list_keys").paginate():
        for key in page["Keys"]:
            metadata = client.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
            if metadata["Enabled"] and metadata["Description"] == values.get("description"):
                return str(metadata["KeyId"])
    return None


LOOKUPS: Final[Mapping[str, Callable[[Clients, Values], str | None]]] = {
    "aws_budgets_budget": Lookup(
        "budgets",
        "describe_budget",
        {"AccountId": "{account}", "BudgetName": "{name}"},
        import_id="{account}:{name}",
    ),
    "aws_ce_anomaly_monitor": Lookup(
        "ce", "get_anomaly_monitors", query="AnomalyMonitors[?MonitorName=='{name}'].MonitorArn"
    ),
    "aws_ce_anomaly_subscription": Lookup(
        "ce",
        "get_anomaly_subscriptions",
        query="AnomalySubscriptions[?SubscriptionName=='{name}'].SubscriptionArn",
    ),
    "aws_cloudfront_distribution": Lookup(
        "cloudfront", "list_distributions", query="DistributionList.Items[?Comment=='{comment}'].Id"
    ),
    "aws_cloudfront_function": Lookup("cloudfront", "describe_function", {"Name": "{name}"}, import_id="{name}"),
    "aws_cloudfront_key_value_store": Lookup(
        "cloudfront", "describe_key_value_store", {"Name": "{name}"}, import_id="{name}"
    ),
    "aws_cloudfront_key_group": Lookup(
        "cloudfront",
        "list_key_groups",
        query="KeyGroupList.Items[?KeyGroup.KeyGroupConfig.Name=='{name}'].KeyGroup.Id",
    ),
    "aws_cloudfront_origin_access_control": Lookup(
        "cloudfront", "list_origin_access_controls", query="OriginAccessControlList.Items[?Name=='{name}'].Id"
    ),
    "aws_cloudfront_response_headers_policy": Lookup(
        "cloudfront",
        "list_response_headers_policies",
        {"Type": "custom"},
        "ResponseHeadersPolicyList.Items[?ResponseHeadersPolicy.ResponseHeadersPolicyConfig.Name=='{name}']"
        ".ResponseHeadersPolicy.Id",
    ),
    "aws_cloudwatch_log_delivery": Lookup(
        "logs", "describe_deliveries", query="deliveries[?deliverySourceName=='{delivery_source_name}'].id"
    ),
    "aws_cloudwatch_log_delivery_destination": Lookup(
        "logs", "get_delivery_destination", {"name": "{name}"}, import_id="{name}"
    ),
    "aws_cloudwatch_log_delivery_source": Lookup("logs", "get_delivery_source", {"name": "{name}"}, import_id="{name}"),
    "aws_cloudwatch_log_group": Lookup(
        "logs",
        "describe_log_groups",
        {"logGroupNamePrefix": "{name}"},
        "logGroups[?logGroupName=='{name}'].logGroupName",
    ),
    "aws_cloudwatch_query_definition": Lookup(
        "logs",
        "describe_query_definitions",
        {"queryDefinitionNamePrefix": "{name}"},
        "queryDefinitions[?name=='{name}'].queryDefinitionId",
        "arn:aws:logs:{region}:{account}:query-definition:{match}",
    ),
    "aws_dynamodb_table": Lookup("dynamodb", "describe_table", {"TableName": "{name}"}, import_id="{name}"),
    "aws_iam_role": Lookup("iam", "get_role", {"RoleName": "{name}"}, import_id="{name}"),
    "aws_kms_alias": Lookup("kms", "list_aliases", query="Aliases[?AliasName=='{name}'].AliasName"),
    "aws_kms_key": _kms_key,
    "aws_lambda_function": Lookup(
        "lambda", "get_function", {"FunctionName": "{function_name}"}, import_id="{function_name}"
    ),
    "aws_lambda_function_url": Lookup(
        "lambda", "get_function_url_config", {"FunctionName": "{function_name}"}, import_id="{function_name}"
    ),
    "aws_lambda_permission": Lookup(
        "lambda",
        "get_policy",
        {"FunctionName": "{function_name}"},
        "contains(Policy, '\"{statement_id}\"')",
        "{function_name}/{statement_id}",
    ),
    "aws_macie2_account": Lookup("macie2", "get_macie_session", query="status=='ENABLED'", import_id="{account}"),
    "aws_macie2_classification_job": Lookup(
        "macie2", "list_classification_jobs", query="items[?name=='{name}' && jobStatus!='CANCELLED'].jobId"
    ),
    "aws_media_convert_queue": Lookup("mediaconvert", "get_queue", {"Name": "{name}"}, import_id="{name}"),
    "aws_s3_bucket": Lookup("s3", "head_bucket", {"Bucket": "{bucket}"}, import_id="{bucket}"),
    "aws_scheduler_schedule": Lookup(
        "scheduler",
        "get_schedule",
        {"GroupName": "{group_name}", "Name": "{name}"},
        import_id="{group_name}/{name}",
    ),
    "aws_scheduler_schedule_group": Lookup("scheduler", "get_schedule_group", {"Name": "{name}"}, import_id="{name}"),
    "aws_secretsmanager_secret": Lookup("secretsmanager", "describe_secret", {"SecretId": "{name}"}, "ARN"),
    "aws_sfn_state_machine": Lookup(
        "stepfunctions",
        "describe_state_machine",
        {"stateMachineArn": "arn:aws:states:{region}:{account}:stateMachine:{name}"},
        "stateMachineArn",
    ),
    "aws_sns_topic": Lookup(
        "sns",
        "get_topic_attributes",
        {"TopicArn": "arn:aws:sns:{region}:{account}:{name}"},
        "Attributes.TopicArn",
    ),
    "aws_sns_topic_subscription": Lookup(
        "sns",
        "list_subscriptions_by_topic",
        {"TopicArn": "{topic_arn}"},
        # One that waits for its confirmation has no ARN yet.
        "Subscriptions[?Protocol=='{protocol}' && Endpoint=='{endpoint}' && starts_with(SubscriptionArn, 'arn:')]"
        ".SubscriptionArn",
    ),
    "aws_sqs_queue": Lookup("sqs", "get_queue_url", {"QueueName": "{name}"}, "QueueUrl"),
}

OVERWRITTEN: Final = frozenset(
    {
        "aws_cloudwatch_composite_alarm",
        "aws_cloudwatch_dashboard",
        "aws_cloudwatch_event_rule",
        "aws_cloudwatch_event_target",
        "aws_cloudwatch_metric_alarm",
        "aws_iam_role_policy",
        "aws_kms_key_policy",
        "aws_lambda_invocation",  # of a function that makes only what is missing
        "aws_lambda_layer_version",  # a further version; the functions take the newest
        "aws_s3_bucket_intelligent_tiering_configuration",
        "aws_s3_bucket_lifecycle_configuration",
        "aws_s3_bucket_logging",
        "aws_s3_bucket_notification",
        "aws_s3_bucket_object_lock_configuration",
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_server_side_encryption_configuration",
        "aws_s3_bucket_versioning",
        "aws_s3_object",
        "aws_secretsmanager_secret_version",
    }
)
"""The API that creates them (`Put…`) replaces what exists, so that they need no import."""


@dataclass
class Adoptable:
    """What exists although a plan would create it."""

    ids: dict[str, str] = field(default_factory=dict)
    """Import ids by address."""
    replaced: list[str] = field(default_factory=list)
    """Those of the addresses at which Terraform knows a predecessor; it must forget that before the import."""
    is_incomplete: bool = False
    """Whether to look again after the imports: the configuration of others depends on them."""


def adoptable(changes: Iterable[Mapping[str, Any]], endpoint: str) -> Adoptable:
    """Find what exists among the creations of a plan.

    `changes` are its `resource_changes` (https://developer.hashicorp.com/terraform/internals/json-format). What the
    plan destroys at another address is not adopted. Raises ClientError.
    """
    clients = Clients(endpoint)
    managed = [change for change in changes if change["mode"] == "managed" and change["type"] in LOOKUPS]
    destroyed = {
        (each["type"], LOOKUPS[each["type"]](clients, each["change"]["before"]))
        for each in managed
        if "delete" in each["change"]["actions"]
    }
    result = Adoptable()
    is_any_unknown = False
    for each in managed:
        if "create" not in each["change"]["actions"]:
            continue
        try:
            identifier = LOOKUPS[each["type"]](clients, each["change"]["after"])
        except NotYetKnownError:
            is_any_unknown = True
            continue
        if identifier is not None and (each["type"], identifier) not in destroyed:
            result.ids[each["address"]] = identifier
            if "delete" in each["change"]["actions"]:
                result.replaced.append(each["address"])
    result.is_incomplete = is_any_unknown and bool(result.ids)
    return result
