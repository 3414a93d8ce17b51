"""The root's plan from an empty state: what it would create, and what each role and policy would allow.

The plan uses a fake AWS that only identifies the caller. The key's ARN, random in AWS, is fixed here, so everything
that depends on it is known. What depends on CloudFront's random id stays unknown and is left to the e2e test.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
import pytest
import tftest
from moto.iam.aws_managed_policies import aws_managed_policies_data
from tests.support.functions_table import HASH, ROWS, manifest_part
from tests.support.terraform_runs import FakeAws, terraform

from impp_build.idle_cost import idle_cost, table
from impp_lambdas.core.detect.registry import DETECTORS
from impp_local.deploy.offline_plan import ACCOUNT, KEY, KNOWN_KEY, override, plan_offline
from impp_local.deploy.terraform import REPOSITORY

pytestmark = pytest.mark.slow

IAM_IDENTIFIERS: Final = {
    "aws_iam_role": {"RoleName"},
    "aws_iam_role_policy": {"PolicyName", "RoleName"},
    "aws_iam_role_policy_attachment": {"PolicyArn", "RoleName"},
}
"""The identifiers that IAM's operations on a resource require, by the resource's type."""

NAMED: Final = {
    kind: f"arn:aws:{arn}".replace("ACCOUNT", ACCOUNT).replace("REGION", "us-east-1")
    for kind, arn in {
        "aws_budgets_budget": "budgets::ACCOUNT:budget/{name}",
        "aws_cloudwatch_dashboard": "cloudwatch::ACCOUNT:dashboard/{dashboard_name}",
        "aws_cloudwatch_event_rule": "events:REGION:ACCOUNT:rule/{name}",
        "aws_cloudwatch_log_group": "logs:REGION:ACCOUNT:log-group:{name}",
        "aws_cloudwatch_metric_alarm": "cloudwatch:REGION:ACCOUNT:alarm:{alarm_name}",
        "aws_dynamodb_table": "dynamodb:REGION:ACCOUNT:table/{name}",
        "aws_kms_alias": "kms:REGION:ACCOUNT:{name}",
        "aws_lambda_function": "lambda:REGION:ACCOUNT:function:{function_name}",
        "aws_lambda_layer_version": "lambda:REGION:ACCOUNT:layer:{layer_name}",
        "aws_media_convert_queue": "mediaconvert:REGION:ACCOUNT:queues/{name}",
        "aws_s3_bucket": "s3:::{bucket}",
        "aws_scheduler_schedule": "scheduler:REGION:ACCOUNT:schedule/{group_name}/{name}",
        "aws_scheduler_schedule_group": "scheduler:REGION:ACCOUNT:schedule-group/{name}",
        "aws_secretsmanager_secret": "secretsmanager:REGION:ACCOUNT:secret:{name}-AbCdEf",
        "aws_sfn_state_machine": "states:REGION:ACCOUNT:stateMachine:{name}",
        "aws_sns_topic": "sns:REGION:ACCOUNT:{name}",
        "aws_sqs_queue": "sqs:REGION:ACCOUNT:{name}",
    }.items()
}
"""ARNs of resources that have names, by type."""

PARTS: Final = {
    "aws_cloudwatch_event_target",
    "aws_cloudwatch_log_delivery",
    "aws_cloudwatch_log_delivery_destination",
    "aws_cloudwatch_log_delivery_source",
    "aws_iam_role_policy",
    "aws_kms_key_policy",
    "aws_lambda_function_url",
    "aws_lambda_invocation",
    "aws_lambda_permission",
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
    "aws_sns_topic_subscription",
}
"""Types whose actions are on the ARN of the resource that they belong to."""

UNFENCED: Final = {
    "aws_cloudfront_function",
    "aws_cloudfront_key_group",
    "aws_cloudfront_key_value_store",
    "aws_cloudfront_origin_access_control",
    "aws_cloudfront_response_headers_policy",
    "aws_cloudwatch_query_definition",
}
"""Types with random ids and without tags: no policy can tell the environments' apart (docs/design/security.md)."""

WEBHOOK: Final = "https://hooks.slack.com/services/T00000000/B00000000/do-not-leak-me"

FUNCTIONS: Final = frozenset(ROWS)

REKOGNITION: Final = frozenset(detector.iam_action for detector in DETECTORS.values())
VIDEO_APIS: Final = ("ContentModeration", "FaceDetection", "LabelDetection", "TextDetection")
ANY_RESOURCE: Final = {
    # X-Ray supports no resource for traces and sampling rules.
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
    # CloudWatch's API for vended log delivery supports none either.
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    # CloudFront has no resources for public keys and key groups.
    "cloudfront:CreatePublicKey",
    "cloudfront:DeletePublicKey",
    "cloudfront:GetKeyGroup",
    "cloudfront:GetPublicKey",
    "cloudfront:ListKeyGroups",
    "cloudfront:ListPublicKeys",
    "cloudfront:UpdateKeyGroup",
    # Rekognition reads the caller's own bytes or objects.
    *REKOGNITION,
    # Its jobs on videos have no ARN.
    *(f"rekognition:{verb}{api}" for verb in ("Get", "Start") for api in VIDEO_APIS),
    # MediaConvert's Probe reads with the caller's permissions.
    "mediaconvert:Probe",
    # A transcription job has no ARN before it exists; a condition restricts it to the work bucket.
    "transcribe:StartTranscriptionJob",
    "transcribe:TagResource",
    # Cost Explorer supports no resources.
    "ce:GetCostAndUsage",
}
"""Actions for which AWS offers no narrower resource (Service Authorization Reference)."""


@dataclass(frozen=True)
class Statement:
    """One statement of a policy, with the address of its resource."""

    owner: str
    sid: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principal: Any
    condition: dict[str, Any]
    not_actions: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()

    def covers(self, action: str, resource: str) -> bool:
        """Whether it is about the action on the resource, its condition aside. Both may have wildcards themselves."""
        acts = matches(self.actions, action) if self.actions else not matches(self.not_actions, action)
        return acts and (
            matches(self.resources, resource) if self.resources else not matches(self.not_resources, resource)
        )


@dataclass(frozen=True)
class Plan:
    """A plan's managed resources: `after` by address, and the addresses by type."""

    after: dict[str, dict[str, Any]]
    unknown: dict[str, dict[str, Any]]
    types: dict[str, str]
    text: str

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of a type by address; there is at least one."""
        resources = {address: self.after[address] for address, own in self.types.items() if own == kind}
        assert resources, f"no {kind} is planned"
        return resources

    def statements(self, kind: str, attribute: str) -> Iterator[Statement]:
        """Statements of the policies of a type, as far as they are known at plan."""
        for address, after in self.of(kind).items():
            if after.get(attribute):
                yield from parse(address, after[attribute])


def parse(owner: str, policy: str) -> Iterator[Statement]:
    """Statements of a policy document."""
    for statement in json.loads(policy)["Statement"]:
        yield Statement(
            owner,
            statement.get("Sid", ""),
            statement["Effect"],
            as_tuple(statement.get("Action")),
            as_tuple(statement.get("Resource", ())),
            statement.get("Principal"),
            statement.get("Condition", {}),
            as_tuple(statement.get("NotAction", ())),
            as_tuple(statement.get("NotResource", ())),
        )


def matches(patterns: tuple[str, ...], value: str) -> bool:
    """Whether one of IAM's patterns matches: `*` is any text, `?` any character; actions ignore case."""
    return any(
        re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value, re.IGNORECASE)
        for pattern in patterns
    )


def as_tuple(value: Any) -> tuple[str, ...]:
    """A policy's string or list of strings."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def canonical(statement: Statement) -> str:
    """A statement as text that does not depend on the order of its lists."""
    actions, resources = sorted(statement.actions), sorted(statement.resources)
    condition = {
        test: {key: sorted(as_tuple(value)) for key, value in keys.items()}
        for test, keys in statement.condition.items()
    }
    return json.dumps([statement.sid, statement.effect, actions, resources, condition], sort_keys=True)


def manifest(folder: Path, functions: frozenset[str] = FUNCTIONS, without: tuple[str, ...] = ()) -> Path:
    """Write a manifest without any zip, and the real state machine; return the manifest's path."""
    folder.mkdir()
    render = [sys.executable, str(REPOSITORY / "build.py"), "render", "--stdout"]
    for feature in without:
        render += ["--without", feature]
    definition = subprocess.run(render, capture_output=True, text=True, check=True).stdout
    (folder / "state_machine.asl.json").write_text(definition, encoding="utf-8")
    content = {
        "version": 1,
        "target": {"architecture": "arm64", "runtime": "python3.13"},
        "functions": {
            name: manifest_part(name, layers=("l",))
            for name in sorted(functions)
            if not (needed := ROWS[name].get("features")) or set(needed) - set(without)
        },
        "layers": {
            "l": {"sha256_base64": HASH, "size": 1, "key": "0", "path": "artifacts/l.zip", "runtimes": ["python3.13"]}
        },
        "weights": {},
        "gallery": {},
        "detectors": {name: detector.iam_action for name, detector in DETECTORS.items()},
        "state_machine": {
            "path": "state_machine.asl.json",
            "sha256": "0",
            "features": {name: name not in without for name in ("analyze", "transcribe", "transcode")},
        },
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def root(working_copy: Path, terraform_env: dict[str, str], fake_aws: str) -> tftest.TerraformTest:
    """The root, ready to plan against the fake AWS, with a known key."""
    copy = working_copy.parent / "root-copy"
    shutil.copytree(working_copy, copy, ignore=shutil.ignore_patterns(".terraform"))
    (copy / "terraform" / "test_override.tf").write_text(override(fake_aws), encoding="utf-8")
    (copy / "modules" / "key" / "test_override.tf").write_text(KNOWN_KEY, encoding="utf-8")
    webhooks = {"TF_VAR_webhooks": json.dumps({"slack": [WEBHOOK]}), "TF_VAR_webhooks_version": "1"}
    run = terraform(copy / "terraform", {**terraform_env, **webhooks})
    run.setup(cleanup_on_exit=False)
    return run


def make_plan(
    root: tftest.TerraformTest,
    manifest_path: Path,
    environment: str = "prod",
    given: dict[str, Any] | None = None,
    targets: list[str] | None = None,
) -> Plan:
    """Plan an environment, or targets in it, from an empty state; `given` are variables on the command line."""
    variables = {name: json.dumps(value) for name, value in (given or {}).items()}
    planned = root.plan(
        output=True,
        targets=targets,
        tf_var_file=["region.tfvars", f"envs/{environment}.tfvars"],
        tf_vars={"manifest_path": str(manifest_path), **variables},
    )
    changes = [change for change in planned["resource_changes"] if change["mode"] == "managed"]
    return Plan(
        {change["address"]: change["change"]["after"] for change in changes},
        {change["address"]: change["change"]["after_unknown"] for change in changes},
        {change["address"]: change["type"] for change in changes},
        json.dumps(dict(planned)),
    )


@pytest.fixture(scope="module")
def bootstrap(root: tftest.TerraformTest, terraform_env: dict[str, str]) -> dict[str, Any]:
    """Planned attributes of the bootstrap's resources, by address."""
    folder = Path(root.tfdir) / "bootstrap"
    shutil.copy(Path(root.tfdir) / "test_override.tf", folder)
    run = terraform(folder, terraform_env)
    run.setup(cleanup_on_exit=False)
    planned = run.plan(output=True, tf_var_file="../region.tfvars", tf_vars={"github_repository": "owner/impp"})
    return {change["address"]: change["change"]["after"] for change in planned["resource_changes"]}


@pytest.fixture(scope="module")
def deploy_policies(bootstrap: dict[str, Any]) -> dict[str, list[Statement]]:
    """Statements of the roles that deploy from GitHub, by environment, as far as they are known at plan."""
    managed = json.loads(aws_managed_policies_data)
    statements = {}
    for environment in ("dev", "prod"):
        role = f"deploy-{environment}"
        inline = bootstrap[f'aws_iam_role_policy.deploy["{role}"]']["policy"]
        attached = bootstrap[f'aws_iam_role_policy_attachment.power_user["{role}"]']["policy_arn"]
        document = managed[attached.rpartition("/")[2]]["Document"]
        statements[environment] = [*parse(role, inline), *parse("managed", json.dumps(document))]
    return statements


@pytest.fixture(scope="module")
def boundaries(bootstrap: dict[str, Any]) -> dict[str, list[Statement]]:
    """Statements of the permissions boundaries, by environment."""
    policies = {name: bootstrap[f'aws_iam_policy.boundary["{name}"]']["policy"] for name in ("dev", "prod")}
    assert all(len(re.sub(r"\s", "", policy)) <= 6144 for policy in policies.values()), "IAM's limit"
    return {name: list(parse(name, policy)) for name, policy in policies.items()}


@pytest.fixture(scope="module")
def plan(root: tftest.TerraformTest, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan of prod."""
    return make_plan(root, manifest(tmp_path_factory.mktemp("build") / "build"))


@pytest.fixture(scope="module")
def dev_plan(root: tftest.TerraformTest, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A plan of dev with what the plan of prod lacks: paid branches left out, and two edge boxes."""
    build = manifest(tmp_path_factory.mktemp("lean") / "build", without=("analyze", "transcribe", "transcode"))
    boxes = {"blue-car": {"sources": ["dashcam"]}, "garage": {"devices": ["annas-phone"], "sources": ["phone"]}}
    pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    given = {
        "cost_tag_active": True,
        "delivery": {"enabled": False},
        "edge_devices": {"blue-car": {"silent_hours": 48}},
        "edge_identity": {"boxes": boxes, "certificate_authority": {"pem": pem}, "stop_at_budget_percent": 150},
        "intelligent_archive": {"deep_archive_after_days": 365},
    }
    return make_plan(root, build, "dev", given)


def test_a_plan_only_identifies_the_caller_and_validates_the_definition(plan: Plan) -> None:
    assert plan.after
    assert set(FakeAws.actions) == {"GetCallerIdentity", "ValidateStateMachineDefinition"}


def test_the_definition_is_known_and_calls_planned_functions(plan: Plan) -> None:
    machines = plan.of("aws_sfn_state_machine").values()
    assert {machine["name"] for machine in machines} == {"impp-prod-pipeline", "impp-prod-render"}
    planned = {function["function_name"] for function in plan.of("aws_lambda_function").values()}
    for machine in machines:
        assert "${" not in machine["definition"]
        assert machine["definition"] in FakeAws.definitions
        called = set(re.findall(r"arn:aws:lambda:[\w-]+:\d+:function:([\w-]+)", machine["definition"]))
        assert called and called <= planned
        assert machine["type"] == "STANDARD"
        assert machine["tracing_configuration"][0]["enabled"]
        assert machine["encryption_configuration"][0]["kms_key_id"] == KEY


def test_buckets_are_private_and_encrypted(plan: Plan) -> None:
    names = {bucket["bucket"] for bucket in plan.of("aws_s3_bucket").values()}
    purposes = ("code", "delivery", "ingest", "logs", "work")
    assert names == {f"impp-prod-{ACCOUNT}-{purpose}" for purpose in purposes}
    for module in ("code", "logs", "originals", "published", "work"):
        at = f"module.{module}"
        block = plan.after[f"{at}.aws_s3_bucket_public_access_block.this"]
        flags = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
        assert all(block[flag] for flag in flags), module
        assert (
            plan.after[f"{at}.aws_s3_bucket_ownership_controls.this"]["rule"][0]["object_ownership"]
            == "BucketOwnerEnforced"
        )
        (rule,) = plan.after[f"{at}.aws_s3_bucket_server_side_encryption_configuration.this"]["rule"]
        by_default = rule["apply_server_side_encryption_by_default"][0]
        # S3 cannot deliver access logs to a bucket with a KMS key.
        expected = ("AES256", "") if module == "logs" else ("aws:kms", KEY)
        assert (by_default["sse_algorithm"], by_default["kms_master_key_id"] or "") == expected
        assert plan.after[f"{at}.aws_s3_bucket.this"]["force_destroy"] is (module == "code")
    assert plan.after["module.originals.aws_s3_bucket_versioning.this"]["versioning_configuration"][0]["status"] == (
        "Enabled"
    )


def test_buckets_deny_requests_without_tls(plan: Plan) -> None:
    denied = [s for s in plan.statements("aws_s3_bucket_policy", "policy") if s.sid == "RefuseWithoutTls"]
    for statement in denied:
        assert (statement.effect, statement.actions, statement.principal) == ("Deny", ("s3:*",), "*")
        assert statement.condition == {"Bool": {"aws:SecureTransport": "false"}}
        assert len(statement.resources) == 2
    unknown = [address for address in plan.of("aws_s3_bucket_policy") if plan.unknown[address].get("policy") is True]
    assert unknown == ["module.published.aws_s3_bucket_policy.this"]  # names the distribution; see module bucket's test
    assert {statement.owner.split(".")[1] for statement in denied} == {"code", "logs", "originals", "work"}


def test_without_a_distribution_everything_else_is_planned(plan: Plan, dev_plan: Plan) -> None:
    def kinds(planned: Plan) -> set[str]:
        return {kind for kind in planned.types.values() if "cloudfront" in kind or "log_delivery" in kind}

    assert {"aws_cloudfront_distribution", "aws_cloudwatch_log_delivery"} <= kinds(plan)
    assert kinds(dev_plan) == set()
    policies = [s.owner for s in dev_plan.statements("aws_s3_bucket_policy", "policy") if s.sid == "RefuseWithoutTls"]
    assert {owner.split(".")[1] for owner in policies} == {"code", "logs", "originals", "published", "work"}
    publish = dev_plan.after['module.pipeline.module.function["publish"].aws_lambda_function.this']
    variables = publish["environment"][0]["variables"]
    assert variables["IMPP_DELIVERY_DOMAIN"] == ""
    assert variables["IMPP_DELIVERY_BUCKET"] == f"impp-dev-{ACCOUNT}-delivery"


def test_whoever_writes_to_a_bucket_waits_for_its_settings(plan: Plan) -> None:
    calls = json.loads(plan.text)["configuration"]["root_module"]["module_calls"]
    settings = (
        "ownership_controls",
        "policy",
        "public_access_block",
        "server_side_encryption_configuration",
        "versioning",
    )
    waited_for = calls["code"]["module"]["outputs"]["name"]["depends_on"]
    assert set(waited_for) == {f"aws_s3_bucket_{setting}.this" for setting in settings}
    arguments = {
        ("artifacts", "bucket_name"): "code",
        **{(bucket, "log_bucket"): "logs" for bucket in ("code", "originals", "published", "work")},
        ("delivery", "access_logs"): "logs",
        ("edge_identity", "bucket_name"): "originals",
        ("pipeline", "buckets"): "work",
    }
    for (module, argument), bucket in arguments.items():
        assert f"module.{bucket}.name" in calls[module]["expressions"][argument]["references"], (module, argument)


def test_whoever_uses_a_role_or_the_key_waits_for_its_policies(plan: Plan) -> None:
    """The provider waits until a new key policy or role is in effect only once it has been asked to create it."""
    calls = json.loads(plan.text)["configuration"]["root_module"]["module_calls"]
    assert calls["key"]["module"]["outputs"]["arn"]["depends_on"] == ["aws_kms_key_policy.this"]
    assumed = {
        "aws_cloudwatch_event_target": "ingest",
        "aws_scheduler_schedule": "finops",
        "aws_sfn_state_machine": "pipeline",
    }
    for kind, module in assumed.items():
        (user,) = (
            resource
            for resource in calls[module]["module"]["resources"]
            if resource["type"] == kind and "role_arn" in json.dumps(resource["expressions"])
        )
        assert [on for on in user["depends_on"] if on.startswith("aws_iam_role_policy.")], kind
    (function,) = (
        resource
        for resource in calls["alerts"]["module"]["module_calls"]["notifier"]["module"]["resources"]
        if resource["type"] == "aws_lambda_function"
    )
    assert [on for on in function["depends_on"] if on.startswith("aws_iam_role_policy.")]


def test_log_delivery_finds_its_statement_in_the_bucket_policy(plan: Plan) -> None:
    source = plan.after["module.delivery[0].aws_cloudwatch_log_delivery_source.access[0]"]["name"]
    (statement,) = (s for s in plan.statements("aws_s3_bucket_policy", "policy") if s.sid == "AWSLogDeliveryWrite1")
    assert statement.owner == "module.logs.aws_s3_bucket_policy.this"
    assert statement.condition["ArnLike"] == {
        "aws:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:{source}"
    }


def test_each_bucket_has_one_lifecycle_configuration(plan: Plan) -> None:
    # The bucket's name comes through its versioning, so it is known at apply only; its owner is known by the address.
    owners = [address.split(".")[1] for address in plan.of("aws_s3_bucket_lifecycle_configuration")]
    assert sorted(owners) == ["archive", "code", "logs", "published", "work"]


def test_archive_tiers_of_intelligent_tiering_are_an_option(plan: Plan, dev_plan: Plan) -> None:
    kind = "aws_s3_bucket_intelligent_tiering_configuration"
    assert kind not in plan.types.values()
    (tiers,) = dev_plan.of(kind).values()
    assert tiers["tiering"] == [{"access_tier": "DEEP_ARCHIVE_ACCESS", "days": 365}]


def test_every_role_policy_is_known_at_plan(plan: Plan) -> None:
    of_distribution = {"module.actions.aws_iam_role_policy.invalidate[0]"}  # CloudFront chooses its id
    for kind, attribute in (("aws_iam_role_policy", "policy"), ("aws_iam_role", "assume_role_policy")):
        assert {address for address in plan.of(kind) if plan.unknown[address].get(attribute)} <= of_distribution


def test_each_role_has_a_name_of_its_own(plan: Plan) -> None:
    """IAM's names are unique in an account; a plan does not notice that two are equal."""
    names = [role["name"] for role in plan.of("aws_iam_role").values()]
    assert len(names) == len(set(names))


def test_roles_name_exact_actions_and_resources(plan: Plan) -> None:
    used: set[str] = set()
    for statement in plan.statements("aws_iam_role_policy", "policy"):
        assert statement.effect == "Allow"
        for action in statement.actions:
            assert re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action), f"{statement.owner}: {action}"
        if "*" in statement.resources:
            assert set(statement.actions) <= ANY_RESOURCE, f"{statement.owner}: {statement.sid}"
            used |= set(statement.actions)
        for resource in statement.resources:
            assert resource == "*" or re.match(r"arn:aws:[a-z0-9-]+:", resource), f"{statement.owner}: {resource}"
            assert not re.search(r":\*$", resource) or ":log-group:" in resource or ":execution:" in resource
    assert used == ANY_RESOURCE, "the list of exceptions contains unused actions"
    page = (REPOSITORY / "docs" / "design" / "security.md").read_text(encoding="utf-8").partition("## Wildcards")[2]
    listed = re.findall(r"`([a-z0-9-]+:[A-Za-z]+\*?)`", page)
    assert not [action for action in ANY_RESOURCE if not matches(tuple(listed), action)], "security.md lacks a reason"


def test_each_role_is_passed_to_its_own_service_only(plan: Plan) -> None:
    passing = [s for s in plan.statements("aws_iam_role_policy", "policy") if "iam:PassRole" in s.actions]
    services = {
        "module.pipeline": "mediaconvert",
        "module.render[0]": "mediaconvert",
        'module.analysis.module.function["analyze_video"]': "rekognition",
    }
    assert {s.owner.partition(".aws_")[0] for s in passing} == services.keys()
    for statement in passing:
        service = services[statement.owner.partition(".aws_")[0]]
        assert statement.resources == (f"arn:aws:iam::{ACCOUNT}:role/impp-prod-{service}",)
        assert statement.condition == {"StringEquals": {"iam:PassedToService": f"{service}.amazonaws.com"}}


def test_one_role_may_delete_objects_and_lift_holds(
    plan: Plan, dev_plan: Plan, boundaries: dict[str, list[Statement]]
) -> None:
    """And no other ever can: the boundary admits it for that role's name alone."""

    def erases(statement: Statement) -> bool:
        return any(action.startswith("s3:Delete") or "LegalHold" in action[6:] for action in statement.actions)

    for environment, planned in (("prod", plan), ("dev", dev_plan)):
        owners = {
            s.owner.partition(".module.function")[0]
            for s in planned.statements("aws_iam_role_policy", "policy")
            if erases(s)
        }
        assert owners == {"module.actions"}
        (admitted,) = (s for s in boundaries[environment] if s.effect == "Allow" and s.sid == "Erase")
        assert admitted.condition == {
            "ArnEquals": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/impp-{environment}-actions"}
        }


def test_roles_trust_one_service_each(plan: Plan) -> None:
    for statement in plan.statements("aws_iam_role", "assume_role_policy"):
        assert statement.actions == ("sts:AssumeRole",)
        (services,) = statement.principal.values()
        assert set(statement.principal) == {"Service"} and isinstance(services, str)
        # Other services are restricted to this account; for Lambda iam:PassRole on the role does that.
        assert services == "lambda.amazonaws.com" or ACCOUNT in json.dumps(statement.condition), statement.owner


def test_statements_for_services_name_their_source(plan: Plan) -> None:
    for kind in ("aws_sqs_queue", "aws_sns_topic"):
        for statement in plan.statements(kind, "policy"):
            if statement.effect == "Allow":
                assert set(statement.principal) <= {"AWS", "Service"} and statement.principal != {"AWS": "*"}
                no_source = statement.principal == {"Service": "events.amazonaws.com"} and kind == "aws_sns_topic"
                by_account = statement.principal == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
                assert statement.condition or no_source or by_account, statement.owner
            for action in statement.actions:
                assert "*" not in action, statement.owner
    for address, permission in plan.of("aws_lambda_permission").items():
        is_api = address.startswith("module.delivery[0].aws_lambda_permission.api")
        assert permission["action"] == "lambda:InvokeFunction" or is_api
        is_of_distribution = is_api and plan.unknown[address].get("source_arn")  # CloudFront chooses its id
        assert permission.get("source_arn") or is_of_distribution, permission["function_name"]


def test_each_function_has_the_size_and_description_of_the_table(plan: Plan) -> None:
    functions = {function["function_name"]: function for function in plan.of("aws_lambda_function").values()}
    for name, row in ROWS.items():
        function = functions[f"impp-prod-{name.replace('_', '-')}"]
        assert function["memory_size"] == row["memory_mb"], name
        assert function["timeout"] == row["timeout_s"], name
        assert function["ephemeral_storage"][0]["size"] == row.get("ephemeral_storage_mb", 512), name
        assert function["description"] == row["description"], name


def test_each_function_has_its_own_role_log_and_tracing(plan: Plan) -> None:
    functions = plan.of("aws_lambda_function")
    assert {function["function_name"] for function in functions.values()} == {
        f"impp-prod-{name.replace('_', '-')}" for name in FUNCTIONS
    }
    groups = {group["name"]: group for group in plan.of("aws_cloudwatch_log_group").values()}
    roles = {role["name"] for role in plan.of("aws_iam_role").values()}
    for address, function in functions.items():
        name = function["function_name"]
        assert groups[f"/aws/lambda/{name}"]["retention_in_days"] == 365
        assert function["logging_config"][0]["log_group"] == f"/aws/lambda/{name}"
        assert name in roles
        assert plan.after[address.replace("aws_lambda_function.this", "aws_iam_role.this")]["name"] == name
        assert function["tracing_config"][0]["mode"] == "Active"
        assert function["architectures"] == ["arm64"]
        assert function["kms_key_arn"] == KEY
    for group in groups.values():
        assert group["kms_key_id"] == KEY
        assert group["retention_in_days"] > 0


def test_undelivered_events_are_kept(plan: Plan) -> None:
    queues = {queue["name"]: queue for queue in plan.of("aws_sqs_queue").values()}
    for queue in queues.values():
        assert queue["kms_master_key_id"] == KEY
        assert queue["message_retention_seconds"] == 14 * 86400
    for address, target in plan.of("aws_cloudwatch_event_target").items():
        dead_letters = target["dead_letter_config"]
        assert dead_letters and target["retry_policy"][0]["maximum_event_age_in_seconds"] == 86400, address
        if dead_letters[0].get("arn"):  # else it is the ARN of a queue made in the same apply
            assert dead_letters[0]["arn"].rpartition(":")[2] in queues
    asynchronous = ("actions", "cost-report", "failure", "notifier", "resume")
    functions = {function["function_name"]: function for function in plan.of("aws_lambda_function").values()}
    for name in asynchronous:
        (config,) = functions[f"impp-prod-{name}"]["dead_letter_config"]
        assert config["target_arn"].rpartition(":")[2] in queues, name


def test_a_dead_letter_queue_takes_messages_of_its_own_sender_only(plan: Plan) -> None:
    rule = f"arn:aws:events:us-east-1:{ACCOUNT}:rule/impp-prod"
    assert {
        queue["name"]: {
            (statement.principal["Service"], json.dumps(statement.condition))
            for statement in parse("", queue.get("policy") or '{"Statement": []}')
            if (statement.effect, statement.actions) == ("Allow", ("sqs:SendMessage",))
            and statement.resources == (f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue['name']}",)
        }
        for queue in plan.of("aws_sqs_queue").values()
    } == {
        f"impp-prod-{name}-dlq": {
            (
                f"{'sns' if ':sns:' in source else 'events'}.amazonaws.com",
                json.dumps({"ArnEquals": {"aws:SourceArn": source}}),
            )
            for source in senders
        }
        for name, senders in {
            "actions": [f"{rule}-actions-restored"],
            "alerts": [f"arn:aws:sns:us-east-1:{ACCOUNT}:impp-prod-alerts"],
            "cost-report": [],  # the function and Scheduler send with roles of their own
            "failure": [f"{rule}-execution-failed"],
            "ingest": [f"{rule}-object-created"],
            "macie-findings": [f"{rule}-macie-findings"],
            "render": [f"{rule}-{name}" for name in ("requested", "restored", "unrendered")],
            "resume": [f"{rule}-transcribed", f"arn:aws:sns:us-east-1:{ACCOUNT}:impp-prod-videos"],
        }.items()
    }


def test_the_catalog_is_protected(plan: Plan) -> None:
    (table,) = plan.of("aws_dynamodb_table").values()
    assert table["deletion_protection_enabled"]
    assert table["point_in_time_recovery"][0]["enabled"]
    assert table["server_side_encryption"] == [{"enabled": True, "kms_key_arn": KEY}]


def iam_writes(plan: Plan) -> set[str]:
    """IAM actions that create, change and delete what a plan contains, from the operations of botocore's model."""
    boundaries = any(role.get("permissions_boundary") for role in plan.of("aws_iam_role").values())
    model = boto3.client("iam", region_name="us-east-1").meta.service_model
    actions = set()
    for kind in {kind for kind in plan.types.values() if kind.startswith("aws_iam_")}:
        identifiers = IAM_IDENTIFIERS[kind]
        for operation in model.operation_names:
            if not re.match("(Attach|Create|Delete|Detach|Put|Tag|Untag|Update)", operation):
                continue
            if "ServiceLinkedRole" in operation or ("PermissionsBoundary" in operation and not boundaries):
                continue
            shape = model.operation_model(operation).input_shape
            required = shape.required_members if shape else []
            if {member for member in required if re.search("(Arn|Name)$", member)} == identifiers:
                actions.add(f"iam:{operation}")
    roles = {"execution_role_arn", "role", "role_arn", "role_arns"}
    if any(roles & set(after) for address, after in plan.after.items() if "aws_iam_" not in plan.types[address]):
        actions.add("iam:PassRole")
    return actions


def test_a_deployment_from_github_may_change_every_role(
    plan: Plan, dev_plan: Plan, deploy_policies: dict[str, list[Statement]]
) -> None:
    for environment, planned in (("prod", plan), ("dev", dev_plan)):
        needed = iam_writes(planned)
        assert {"iam:CreateRole", "iam:PassRole", "iam:PutRolePolicy", "iam:UpdateRoleDescription"} <= needed
        own = f"arn:aws:iam::{ACCOUNT}:role/impp-{environment}-*"
        allowed = {
            action: statement.condition.get("StringEquals", {})
            for statement in deploy_policies[environment]
            if own in statement.resources and statement.effect == "Allow"
            for action in statement.actions
        }
        assert needed - set(allowed) == {"iam:DeleteRolePermissionsBoundary"}
        boundary = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT}:policy/impp-{environment}-boundary"}
        for action in ("CreateRole", "DeleteRolePolicy", "PutRolePermissionsBoundary", "PutRolePolicy"):
            assert allowed[f"iam:{action}"] == boundary, action
        trusted = {s.principal["Service"] for s in planned.statements("aws_iam_role", "assume_role_policy")}
        # Rekognition's role is passed by the function that starts its jobs, and by no deployment.
        assert trusted - {"rekognition.amazonaws.com"} <= set(allowed["iam:PassRole"]["iam:PassedToService"])
        names = {role["name"] for role in planned.of("aws_iam_role").values()}
        assert all(name.startswith(f"impp-{environment}-") for name in names)


def test_every_role_has_the_boundary_of_its_environment(plan: Plan, dev_plan: Plan) -> None:
    for environment, planned in (("prod", plan), ("dev", dev_plan)):
        boundaries = {role["permissions_boundary"] for role in planned.of("aws_iam_role").values()}
        assert boundaries == {f"arn:aws:iam::{ACCOUNT}:policy/impp-{environment}-boundary"}


def test_the_boundary_admits_what_roles_need_and_no_more_of_iam(
    plan: Plan, dev_plan: Plan, boundaries: dict[str, list[Statement]]
) -> None:
    for environment, planned in (("prod", plan), ("dev", dev_plan)):
        admitted = [s for s in boundaries[environment] if s.effect == "Allow"]
        for statement in planned.statements("aws_iam_role_policy", "policy"):
            for action in statement.actions if statement.effect == "Allow" else ():
                for resource in statement.resources:
                    assert any(s.covers(action, resource) for s in admitted), f"{statement.owner}: {action} {resource}"
        for statement in admitted:
            iam = [action for action in statement.actions if action.startswith("iam:")]
            assert not iam or (len(iam) == len(statement.actions) and statement.condition), statement.sid
            assert not [action for action in statement.actions if re.match(r"s3:PutBucket|\*", action)]
            if statement.sid != "Erase":
                assert not [action for action in statement.actions if re.match(r"s3:Delete|s3:PutObjectLegal", action)]


def test_a_deployment_cannot_touch_another_environment(plan: Plan, deploy_policies: dict[str, list[Statement]]) -> None:
    """By name where a resource has one, else by the tag of its environment; the rest is part of another resource."""

    def denied(environment: str, action: str, resource: str) -> bool:
        statements = [s for s in deploy_policies[environment] if s.effect == "Deny" and not s.condition]
        return any(statement.covers(action, resource) for statement in statements)

    bucket = f"arn:aws:s3:::impp-terraform-{ACCOUNT}"
    for path in ("prod/terraform.tfstate", "plans/prod/1-1.tfplan", "staging/terraform.tfstate"):
        assert denied("dev", "s3:GetObject", f"{bucket}/{path}"), path
    for action in ("s3:DeleteObject", "s3:GetObject", "s3:PutObject"):
        for path in ("dev/terraform.tfstate", "dev/terraform.tfstate.tflock", "plans/dev/1-1.tfplan"):
            assert not denied("dev", action, f"{bucket}/{path}"), path
    assert denied("dev", "s3:PutBucketPolicy", bucket) and not denied("dev", "s3:ListBucket", bucket)

    unfenced = set()
    for address, after in plan.after.items():
        kind = plan.types[address]
        if kind in NAMED:
            arn = NAMED[kind].format(**after)
            action = f"{arn.split(':')[2]}:Change"
            assert denied("dev", action, arn) and not denied("prod", action, arn), arn
        elif not (after.get("tags_all") or {}).get("Deployment") and kind not in PARTS:
            unfenced.add(kind)
    assert unfenced == UNFENCED
    (by_tag,) = (s for s in deploy_policies["dev"] if s.sid == "ResourcesOfOtherEnvironments")
    assert (by_tag.effect, by_tag.actions, by_tag.resources) == ("Deny", ("*",), ("*",))
    assert by_tag.condition == {
        "StringLike": {"aws:ResourceTag/Deployment": "impp-*"},
        "StringNotEquals": {"aws:ResourceTag/Deployment": "impp-dev"},
    }


def test_a_deployment_from_github_may_create_the_roles_that_services_need(
    deploy_policies: dict[str, list[Statement]],
) -> None:
    # Macie creates its service-linked role when it is enabled, Roles Anywhere with the first trust anchor.
    for statements in deploy_policies.values():
        anywhere = {action for statement in statements if "*" in statement.resources for action in statement.actions}
        assert "iam:CreateServiceLinkedRole" in anywhere


@pytest.mark.parametrize("environment", ["prod", "dev"])
def test_what_an_account_has_once_is_left_alone(environment: str, plan: Plan, dev_plan: Plan) -> None:
    planned = {"prod": plan, "dev": dev_plan}[environment]
    once = {"aws_ce_anomaly_monitor", "aws_iam_openid_connect_provider", "aws_macie2_account"}
    assert not once & set(planned.types.values())


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_the_page_itemises_what_an_idle_environment_costs(
    environment: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terraform_env: dict[str, str]
) -> None:
    """Prod, and dev as `make idle-cost` plans it."""
    planned = json.loads(plan.text)
    if environment == "dev":
        monkeypatch.setenv("TF_REATTACH_PROVIDERS", terraform_env["TF_REATTACH_PROVIDERS"])
        planned = plan_offline(environment, {}, manifest(tmp_path / "build"))
    page = (REPOSITORY / "docs" / "design" / "aws.md").read_text(encoding="utf-8")
    assert f"### {environment}\n\n{table(idle_cost(planned))}\n" in page


def test_everything_has_the_tags_of_its_environment(plan: Plan) -> None:
    tagged = [after["tags_all"] for after in plan.after.values() if after.get("tags_all") is not None]
    assert len(tagged) > 50
    for tags in tagged:
        assert tags.items() >= {"Environment": "prod", "ManagedBy": "terraform", "Project": "impp"}.items()


def test_budget_and_report_count_one_environment_once_its_tag_is_active(plan: Plan, dev_plan: Plan) -> None:
    for environment, planned in (("prod", plan), ("dev", dev_plan)):
        tags = {after["tags_all"]["Deployment"] for after in planned.after.values() if after.get("tags_all")}
        assert tags == {f"impp-{environment}"}
    ((whole_account,), (filtered,)) = (one.of("aws_budgets_budget").values() for one in (plan, dev_plan))
    assert not whole_account.get("cost_filter"), "the filter of an inactive tag would count nothing"
    assert filtered["cost_filter"] == [{"name": "TagKeyValue", "values": ["user:Deployment$impp-dev"]}]
    report = dev_plan.after["module.finops.module.cost_report.aws_lambda_function.this"]
    assert report["environment"][0]["variables"]["IMPP_COST_TAG"] == "Deployment=impp-dev"


def test_no_secret_is_in_the_plan(plan: Plan) -> None:
    assert WEBHOOK not in plan.text


def test_an_omitted_branch_has_no_functions_and_no_permissions(dev_plan: Plan) -> None:
    names = {function["function_name"] for function in dev_plan.of("aws_lambda_function").values()}
    left_out = {"analyze", "transcribe", "transcode"}
    without = {name for name, row in ROWS.items() if row.get("features") and left_out >= set(row["features"])}
    without.add("viewer_keys")  # no distribution
    assert names == {f"impp-dev-{name.replace('_', '-')}" for name in FUNCTIONS - without}
    machine = [s for s in dev_plan.statements("aws_iam_role_policy", "policy") if "state_machine" in s.owner]
    actions = {action for statement in machine for action in statement.actions}
    assert not [a for a in actions if a.split(":")[0] in ("mediaconvert", "transcribe", "iam", "events")]


def test_the_functions_behind_the_page_are_watched_like_the_others(dev_plan: Plan) -> None:
    alarms = {alarm["alarm_name"] for alarm in dev_plan.of("aws_cloudwatch_metric_alarm").values()}
    assert {f"impp-dev-function-errors-{name}" for name in ("actions", "api", "publish")} <= alarms
    assert "impp-dev-events-lost-actions" in alarms
    (dashboard,) = dev_plan.of("aws_cloudwatch_dashboard").values()
    assert {"impp-dev-actions", "impp-dev-api"} <= set(re.findall(r"[\w-]+", str(dashboard)))


def test_a_box_with_a_certificate_may_add_footage_of_its_own_devices(plan: Plan, dev_plan: Plan) -> None:
    assert not [kind for kind in plan.types.values() if "rolesanywhere" in kind], "boxes have no roles by default"

    roles = [role["name"] for address, role in dev_plan.of("aws_iam_role").items() if "edge_identity" in address]
    assert roles == ["impp-dev-edge-blue-car", "impp-dev-edge-garage"]
    statements = [s for s in dev_plan.statements("aws_iam_role_policy", "policy") if "edge_identity" in s.owner]
    bucket = f"arn:aws:s3:::impp-dev-{ACCOUNT}-ingest"
    for box, own in (("blue-car", "dashcam/blue-car"), ("garage", "phone/annas-phone")):
        allowed = {
            (action, resource)
            for statement in statements
            if f'["{box}"]' in statement.owner and statement.effect == "Allow"
            for action in statement.actions
            for resource in statement.resources
        }
        objects = {f"{bucket}/{place}/{own}/*" for place in ("originals", "sidecars")}
        assert {(a, r) for a, r in allowed if r.startswith(f"{bucket}/")} == {
            (f"s3:{name}", resource)
            for name in (
                *("AbortMultipartUpload", "GetObject", "GetObjectVersion"),
                *("ListMultipartUploadParts", "PutObject", "PutObjectTagging"),
            )
            for resource in objects
        }
        assert {(a, r) for a, r in allowed if not r.startswith(f"{bucket}/")} == {
            ("cloudwatch:PutMetricData", "*"),
            ("kms:Decrypt", KEY),
            ("kms:GenerateDataKey", KEY),
            ("s3:ListBucket", bucket),
        }
    alarms = {alarm["alarm_name"] for alarm in dev_plan.of("aws_cloudwatch_metric_alarm").values()}
    assert "impp-dev-edge-silent-blue-car" in alarms

    # The page has the same policy for boxes without a certificate.
    page = (REPOSITORY / "docs" / "guide" / "edge-credentials.md").read_text(encoding="utf-8")
    (policy,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    values = {"BUCKET": f"impp-dev-{ACCOUNT}-ingest", "DEVICE": "blue-car", "KEY_ARN": KEY, "REGION": "us-east-1"}
    for word, value in values.items():
        policy = policy.replace(word, value)
    own = [s for s in statements if '["blue-car"]' in s.owner]
    assert sorted(map(canonical, parse("", policy))) == sorted(map(canonical, own))


def test_a_budget_may_stop_the_boxes_and_nobody_else(plan: Plan, dev_plan: Plan) -> None:
    assert "aws_budgets_budget_action" not in plan.types.values(), "boxes are not stopped by default"

    (action,) = dev_plan.of("aws_budgets_budget_action").values()
    assert (action["approval_model"], action["action_threshold"][0]["action_threshold_value"]) == ("AUTOMATIC", 150)
    (applied,) = action["definition"][0]["iam_action_definition"]
    roles = ["impp-dev-edge-blue-car", "impp-dev-edge-garage"]
    assert (applied["policy_arn"], applied["roles"]) == ("arn:aws:iam::aws:policy/AWSDenyAll", roles)
    (allowed,) = (s for s in dev_plan.statements("aws_iam_role_policy", "policy") if "stop" in s.owner)
    assert set(allowed.resources) == {f"arn:aws:iam::{ACCOUNT}:role/{role}" for role in roles}
    assert allowed.condition == {"ArnEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AWSDenyAll"}}


def test_missing_functions_ask_for_a_build(root: tftest.TerraformTest, tmp_path: Path) -> None:
    path = manifest(tmp_path / "build", FUNCTIONS - {"cost_report", "failure", "notifier", "sample"})
    message = plan_error(root, path)
    for name in ("cost_report", "failure", "notifier", "sample"):
        assert f"The manifest lacks the function {name}: run `make build`." in message


def test_a_function_that_the_state_machine_calls_asks_for_a_build(root: tftest.TerraformTest, tmp_path: Path) -> None:
    path = manifest(tmp_path / "build", FUNCTIONS - {"archive", "inspect"})
    assert "The manifest lacks the function(s) archive, inspect: run `make build`." in plan_error(root, path)


def test_a_function_that_no_module_deploys_is_named(root: tftest.TerraformTest, tmp_path: Path) -> None:
    path = manifest(tmp_path / "build")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["functions"]["fly"] = manifest_part("archive", layers=())
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "No module deploys the function(s) fly: add a policy" in plan_error(root, path)


def plan_error(
    root: tftest.TerraformTest,
    manifest_path: Path,
    targets: list[str] | None = None,
    given: dict[str, Any] | None = None,
) -> str:
    """The message of a plan that must fail, on one line."""
    with pytest.raises(tftest.TerraformTestError) as error:
        make_plan(root, manifest_path, given=given, targets=targets)
    return " ".join(re.sub(r"[│╷╵]", " ", str(error.value)).split())


def test_a_missing_build_asks_for_one(root: tftest.TerraformTest, tmp_path: Path) -> None:
    assert "run `make build` first" in plan_error(root, tmp_path / "absent.json", ["module.artifacts"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"webhooks": {}, "webhooks_version": 0}, "prod has no alert channel, so its alarms would reach nobody"),
        ({"webhooks_version": 0}, "webhooks need webhooks_version: set it to 1"),
    ],
    ids=["none", "unversioned"],
)
def test_prod_needs_an_alert_channel(
    given: dict[str, Any], message: str, root: tftest.TerraformTest, tmp_path: Path
) -> None:
    assert message in plan_error(root, manifest(tmp_path / "build"), ["module.alerts"], given)
