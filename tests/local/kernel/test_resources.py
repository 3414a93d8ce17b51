"""What Terraform makes comes back with a new process, and can be used and changed there."""

from __future__ import annotations

import io
import json
import os
import threading
import time
import weakref
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from tests.support.local_cloud import Maker, wait_until, zipped
from tests.support.up_process import up

from impp_local.cloud import LocalCloud
from impp_local.kernel import moto, moto_bounds, resources
from impp_local.kernel.defaults import ACCOUNT, REGION

pytestmark = pytest.mark.slow

ORIGIN = {"Id": "o", "DomainName": "example.com", "S3OriginConfig": {"OriginAccessIdentity": ""}}
DISTRIBUTION = {
    "CallerReference": "1",
    "Comment": "",
    "Enabled": True,
    "Origins": {"Quantity": 1, "Items": [ORIGIN]},
    "DefaultCacheBehavior": {"TargetOriginId": "o", "ViewerProtocolPolicy": "https-only", "CachePolicyId": "c"},
}  # fmt: skip


def make_all(cloud: Any, make: Maker) -> dict[str, Any]:
    """At least one resource of each service of the root; returns how a client sees them."""
    function = make.function("def handler(event, context): return {'n': event['n'] + 1}")
    queue = cloud.client("sqs").create_queue(QueueName="letters")["QueueUrl"]
    queue_arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:letters"
    topic = cloud.client("sns").create_topic(Name="alerts")["TopicArn"]
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    rule = {"Name": "rule", "EventPattern": '{"source": ["mine"]}'}
    cloud.client("events").put_rule(**rule)
    cloud.client("events").put_targets(Rule="rule", Targets=[{"Id": "1", "Arn": queue_arn}])
    cloud.client("scheduler").create_schedule(
        Name="hourly",
        ScheduleExpression="rate(1 hour)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": queue_arn, "RoleArn": make.role()},
    )
    key = cloud.client("kms").create_key()["KeyMetadata"]["KeyId"]
    signing = cloud.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    cloud.client("kms").create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")
    sealed = cloud.client("kms").encrypt(KeyId=key, Plaintext=b"secret")["CiphertextBlob"]
    cloud.client("secretsmanager").create_secret(Name="webhooks", SecretString="{}")
    cloud.client("ssm").put_parameter(Name="/impp/x", Value="1", Type="String")
    cloud.client("logs").create_log_group(logGroupName="group")
    cloud.client("logs").put_query_definition(name="query", queryString="fields @message")
    cloud.client("cloudwatch").put_dashboard(DashboardName="board", DashboardBody='{"widgets": []}')
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName="alarm", MetricName="m", Namespace="n", ComparisonOperator="GreaterThanThreshold",
        EvaluationPeriods=1, Period=60, Statistic="Sum", Threshold=1,
    )  # fmt: skip
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    machine = cloud.client("stepfunctions").create_state_machine(
        name="machine", definition=json.dumps(definition), roleArn=make.role()
    )["stateMachineArn"]
    cloud.client("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": "month",
            "BudgetLimit": {"Amount": "5", "Unit": "USD"},
            "TimeUnit": "MONTHLY",
            "BudgetType": "COST",
        },
    )
    cloud.client("ce").create_anomaly_monitor(
        AnomalyMonitor={"MonitorName": "monitor", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
    )
    cloud.client("macie2").enable_macie()
    cloud.client("mediaconvert").create_queue(Name="slow")
    cloud.client("cloudfront").create_distribution(DistributionConfig=DISTRIBUTION)
    return {
        "function": function,
        "queue": queue,
        "topic": topic,
        "key": key,
        "signing": signing,
        "sealed": sealed,
        "machine": machine,
    }


def seen(cloud: Any) -> dict[str, Any]:
    """The resources, as clients see them."""
    answers = {
        "functions": cloud.client("lambda").list_functions()["Functions"],
        "roles": cloud.client("iam").list_roles()["Roles"],
        "subscriptions": cloud.client("sns").list_subscriptions()["Subscriptions"],
        "rules": cloud.client("events").list_rules()["Rules"],
        "targets": cloud.client("events").list_targets_by_rule(Rule="rule")["Targets"],
        "schedules": cloud.client("scheduler").list_schedules()["Schedules"],
        "keys": cloud.client("kms").list_keys()["Keys"],
        "secrets": cloud.client("secretsmanager").list_secrets()["SecretList"],
        "parameter": cloud.client("ssm").get_parameter(Name="/impp/x")["Parameter"],
        "groups": cloud.client("logs").describe_log_groups()["logGroups"],
        "queries": cloud.client("logs").describe_query_definitions()["queryDefinitions"],
        "dashboards": cloud.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "alarms": cloud.client("cloudwatch").describe_alarms()["MetricAlarms"],
        "machines": cloud.client("stepfunctions").list_state_machines()["stateMachines"],
        "budgets": cloud.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"],
        "monitors": cloud.client("ce").get_anomaly_monitors()["AnomalyMonitors"],
        "macie": cloud.client("macie2").get_macie_session()["status"],
        "jobs": cloud.client("mediaconvert").list_queues()["Queues"],
        "distributions": cloud.client("cloudfront").list_distributions()["DistributionList"],
    }
    for name in ("monitors",):  # evaluated when they are listed
        for answer in answers[name]:
            answer.pop("LastEvaluatedDate", None)
    return answers


def test_resources_come_back_and_work(tmp_path: Path) -> None:
    with LocalCloud(port=0, state=tmp_path) as cloud:
        made = make_all(cloud, Maker(cloud))
        before = seen(cloud)
        usd = sum(line["quantity"] for line in _bill()["lines"])
        assert usd > 0
    with LocalCloud(port=0, state=tmp_path) as cloud:
        assert sum(line["quantity"] for line in _bill()["lines"]) == usd
        assert seen(cloud) == before
        kms = cloud.client("kms")
        assert kms.decrypt(CiphertextBlob=made["sealed"])["Plaintext"] == b"secret"
        signed = kms.sign(KeyId=made["signing"], Message=b"m", SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]
        assert kms.verify(KeyId=made["signing"], Message=b"m", Signature=signed, SigningAlgorithm="RSASSA_PSS_SHA_256")[
            "SignatureValid"
        ]
        answer = cloud.client("lambda").invoke(FunctionName=made["function"], Payload=b'{"n": 1}')
        assert json.load(answer["Payload"]) == {"n": 2}
        cloud.client("lambda").update_function_code(
            FunctionName=made["function"], ZipFile=zipped({"app.py": "def handler(event, context): return 3"})
        )
        assert json.load(cloud.client("lambda").invoke(FunctionName=made["function"])["Payload"]) == 3
        cloud.client("sns").publish(TopicArn=made["topic"], Message="hello")
        cloud.client("events").put_events(Entries=[{"Source": "mine", "DetailType": "d", "Detail": "{}"}])
        messages: list[str] = []
        wait_until(lambda: messages.extend(_receive(cloud, made["queue"])) or len(messages) == 2)
        started = cloud.client("stepfunctions").start_execution(stateMachineArn=made["machine"])["executionArn"]
        states = cloud.client("stepfunctions")
        wait_until(lambda: states.describe_execution(executionArn=started)["status"] == "SUCCEEDED")
        for service, create in {
            "iam": lambda client: client.create_role(RoleName="later", AssumeRolePolicyDocument="{}"),
            "sqs": lambda client: client.create_queue(QueueName="later"),
            "logs": lambda client: client.create_log_group(logGroupName="later"),
            "secretsmanager": lambda client: client.create_secret(Name="later", SecretString="{}"),
            "kms": lambda client: client.create_key(),
            "events": lambda client: client.put_rule(Name="later", ScheduleExpression="rate(1 hour)"),
            "cloudwatch": lambda client: client.put_dashboard(DashboardName="later", DashboardBody='{"widgets": []}'),
        }.items():
            create(cloud.client(service))


def _bill() -> dict[str, Any]:
    from impp_local.kernel import billing

    return billing.bill()


def _receive(cloud: Any, queue: str) -> list[str]:
    answer = cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    for message in answer.get("Messages", []):
        cloud.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return [message["Body"] for message in answer.get("Messages", [])]


def test_a_killed_cloud_has_each_acknowledged_message_and_what_was_made_half_a_second_before(tmp_path: Path) -> None:
    with up(tmp_path) as cloud:
        sqs = cloud.client("sqs")
        queue = sqs.create_queue(QueueName="letters")["QueueUrl"]
        cloud.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument="{}")
        cloud.client("ce").create_anomaly_monitor(
            AnomalyMonitor={"MonitorName": "monitor", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE"}
        )
        time.sleep(resources.WITHIN_S + 2)  # the bound, and time for a busy machine
        for number in range(20):
            sqs.send_message(QueueUrl=queue, MessageBody=str(number))
        received = sqs.receive_message(QueueUrl=queue)["Messages"][0]
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=received["ReceiptHandle"])
        cloud.kill()
    with up(tmp_path) as cloud:
        bodies: set[str] = set()
        wait_until(lambda: bodies.update(_receive(cloud, queue)) or len(bodies) >= 19)
        assert bodies == {str(number) for number in range(20)} - {received["Body"]}
        assert cloud.client("iam").get_role(RoleName="role")["Role"]["RoleName"] == "role"
        assert len(cloud.client("ce").get_anomaly_monitors()["AnomalyMonitors"]) == 1


class Holder:
    def __init__(self) -> None:
        self.lock, self.again, self.event = threading.Lock(), threading.RLock(), threading.Event()
        self.strong = {"one": Other()}
        self.weak: weakref.WeakValueDictionary[str, Other] = weakref.WeakValueDictionary(self.strong)
        extra = 3
        self.made: dict[str, list[int]] = defaultdict(lambda: [extra])


class Other:
    items: dict[str, int]

    def __init__(self) -> None:
        self.items = {"not": 1}
        self.name = "other"


def test_what_pickle_cannot_write_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "_omitted", {})
    resources.omit(Other, items=(dict,))
    restored = resources.unpickled(resources.pickled(Holder(), resources._Large()), resources._Large())
    assert restored.made["new"] == [3]
    assert restored.weak["one"] is restored.strong["one"]
    assert (restored.strong["one"].items, restored.strong["one"].name) == ({}, "other")
    with restored.lock, restored.again:
        assert not restored.event.is_set()


def test_no_row_has_another_service_s_objects(tmp_path: Path) -> None:
    """They would be two objects after a restart, one in each row."""

    class Classes(resources._Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            modules.add(module)
            return super().find_class(module, name)

    with LocalCloud(port=0, state=tmp_path) as cloud:
        make_all(cloud, Maker(cloud))
        cloud.resources.write_all()
        for key, content in cloud.store.rows(resources.BACKEND):
            modules: set[str] = set()
            Classes(io.BytesIO(content), resources._Large(dict(cloud.store.rows(resources.LARGE)))).load()
            package = ".".join(key.split(" ")[0].split(".")[:2])
            foreign = {module for module in modules if module.startswith("moto.") and not module.startswith(package)}
            assert {module for module in foreign if not module.startswith(("moto.utilities", "moto.core"))} == set(), (
                key
            )


def test_a_function_s_zip_is_written_once_and_removed_with_the_function(tmp_path: Path) -> None:
    code = {"app.py": "def handler(event, context): return 1", "large.txt": os.urandom(100_000).hex()}
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client, make = cloud.client("lambda"), Maker(cloud)
        function = client.create_function(
            FunctionName="large", Runtime="python3.13", Handler="app.handler", Role=make.role(),
            Code={"ZipFile": zipped(code)},
        )["FunctionArn"]  # fmt: skip
        wait_until(lambda: cloud.store.rows(resources.LARGE))
        client.update_function_configuration(FunctionName="large", Timeout=7)
    with LocalCloud(port=0, state=tmp_path) as cloud:
        client, make = cloud.client("lambda"), Maker(cloud)
        assert len(cloud.store.rows(resources.LARGE)) == 1
        assert make.invoke(function)[0] == 1
        client.update_function_code(FunctionName="large", ZipFile=zipped(code | {"more.txt": "x"}))
        assert make.invoke(function)[0] == 1
        cloud.resources.write("lambda")
        assert len(cloud.store.rows(resources.LARGE)) == 1
        client.delete_function(FunctionName="large")
        cloud.resources.write("lambda")
        assert cloud.store.rows(resources.LARGE) == []


def test_lists_that_grow_with_each_file_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moto_bounds, "LOG_EVENTS", 10)
    monkeypatch.setattr(moto_bounds, "METRICS", 10)
    monkeypatch.setattr(moto_bounds, "NOTIFICATIONS", 10)
    with LocalCloud(port=0, state=tmp_path) as cloud:
        logs, cloudwatch, sns = cloud.client("logs"), cloud.client("cloudwatch"), cloud.client("sns")
        logs.create_log_group(logGroupName="group")
        topic = sns.create_topic(Name="topic")["TopicArn"]
        for number in range(8):
            stream = {"logGroupName": "group", "logStreamName": str(number)}
            logs.create_log_stream(**stream)
            now = int(time.time() * 1000)
            events = [{"timestamp": now, "message": f"{number}/{line}"} for line in range(3)]
            logs.put_log_events(**stream, logEvents=events)
            cloudwatch.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m", "Value": 1.0}] * 3)
            sns.publish(TopicArn=topic, Message="m")
            sns.publish(TopicArn=topic, Message="m")
        kept = [event["message"] for event in logs.filter_log_events(logGroupName="group")["events"]]
        assert kept == ["4/2", *(f"{number}/{line}" for number in (5, 6, 7) for line in range(3))]
        assert len(logs.describe_log_streams(logGroupName="group")["logStreams"]) == 4
        from moto.cloudwatch.models import cloudwatch_backends
        from moto.core.common_models import BaseModel
        from moto.sns.models import Topic, sns_backends

        assert len(cloudwatch_backends[ACCOUNT][REGION].metric_data) == 10
        assert len(sns_backends[ACCOUNT][REGION].topics[topic].sent_notifications) == 10
        assert issubclass(Topic, BaseModel)
        assert Topic.instances_tracked == []  # type: ignore[attr-defined]


def test_operations_that_only_read_cause_no_row() -> None:
    names = ("DescribeTable", "GetObject", "ListQueues", "BatchGetItem", "Invoke", "PutItem", "CreateQueue", "TagRole")
    assert [name for name in names if not moto.is_read(name)] == ["PutItem", "CreateQueue", "TagRole"]
