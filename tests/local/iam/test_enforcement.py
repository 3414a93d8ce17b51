"""Requests to a local cloud that enforces IAM: what a role may do, and how AWS words what it may not."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError
from tests.support.local_cloud import Maker, wait_until

from impp_local.cloud import LocalCloud
from impp_local.kernel.defaults import ACCESS_KEY_ID, ACCOUNT, REGION, SECRET_ACCESS_KEY
from impp_local.kernel.principals import SESSION_SECRET, Session
from impp_local.services.stepfunctions.api import LOG_DELIVERY, MANAGED_RULE, RULE_ACTIONS

ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud"), enforce=True) as running:
        yield running


def client_with(
    endpoint: str, service: str, access_key: str, token: str | None = None, secret: str = SESSION_SECRET
) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token,
    )


class Worker:
    """A role with one policy, and clients with its credentials."""

    def __init__(self, make: Maker, *statements: Mapping[str, Any], trusts: str = "lambda.amazonaws.com") -> None:
        self.name = make.name("worker")
        self.arn = ROLE_ARN + self.name
        self._endpoint = make.cloud.endpoint
        self._iam = make.client("iam")
        trust = {"Effect": "Allow", "Principal": {"Service": trusts}, "Action": "sts:AssumeRole"}
        self._iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document(trust))
        if statements:
            self.allow(*statements)

    def allow(self, *statements: Mapping[str, Any]) -> None:
        full = [{"Effect": "Allow", "Resource": "*", **statement} for statement in statements]
        policy = document(*full)
        self._iam.put_role_policy(RoleName=self.name, PolicyName="work", PolicyDocument=policy)

    def client(self, service: str) -> Any:
        session = Session(self.arn, "tests")
        return client_with(self._endpoint, service, session.access_key, session.token)

    @property
    def session_arn(self) -> str:
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.name}/tests"


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def bucket_of(make: Maker, **objects: bytes) -> str:
    name = make.name("bucket")
    make.client("s3").create_bucket(Bucket=name)
    for key, body in objects.items():
        make.client("s3").put_object(Bucket=name, Key=key, Body=body)
    return name


def test_a_denied_request_reads_as_on_aws(make: Maker) -> None:
    bucket = bucket_of(make, clip=b"bytes")
    worker = Worker(make, {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/clip"})
    s3 = worker.client("s3")
    assert s3.get_object(Bucket=bucket, Key="clip")["Body"].read() == b"bytes"
    code, message = refusal(lambda: s3.put_object(Bucket=bucket, Key="clip", Body=b"x"))
    assert (code, message) == (
        "AccessDenied",
        f"User: {worker.session_arn} is not authorized to perform: s3:PutObject on resource:"
        f' "arn:aws:s3:::{bucket}/clip" because no identity-based policy allows the s3:PutObject action',
    )
    worker.allow({"Action": "sqs:*"}, {"Action": "*", "Effect": "Deny"})
    url, arn = make.queue()
    code, message = refusal(lambda: worker.client("sqs").send_message(QueueUrl=url, MessageBody="x"))
    assert code.endswith("AccessDenied") and message.endswith(
        f"sqs:sendmessage on resource: {arn} with an explicit deny in an identity-based policy"
    )
    code, message = refusal(lambda: worker.client("dynamodb").get_item(TableName="t", Key={"pk": {"S": "1"}}))
    assert code == "AccessDeniedException" and "table/t with an explicit deny" in message
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
    code, message = refusal(lambda: worker.client("sns").publish(TopicArn=topic, Message="x"))
    assert code == "AuthorizationError" and "SNS:Publish" in message


def test_keys_that_nobody_has_and_requests_without_one_are_refused(make: Maker) -> None:
    def stranger(service: str) -> Any:
        return client_with(make.cloud.endpoint, service, "AKIASTRANGER")

    assert refusal(lambda: stranger("s3").list_buckets())[0] == "InvalidAccessKeyId"
    assert refusal(lambda: stranger("iam").list_roles())[0] == "InvalidClientTokenId"
    assert refusal(lambda: stranger("dynamodb").list_tables())[0] == "UnrecognizedClientException"
    forged = Session(ROLE_ARN + "no-such-role", "tests")
    s3 = client_with(make.cloud.endpoint, "s3", forged.access_key, forged.token)
    assert refusal(s3.list_buckets)[0] == "InvalidAccessKeyId"
    answer = requests.get(f"{make.cloud.endpoint}/{bucket_of(make, clip=b'x')}/clip", timeout=60)
    assert answer.status_code == 403 and "AccessDenied" in answer.text


def test_a_presigned_url_may_do_what_its_signer_may(make: Maker) -> None:
    bucket = bucket_of(make, clip=b"bytes")
    worker = Worker(make, {"Action": "s3:GetObject"})
    url = worker.client("s3").generate_presigned_url("get_object", {"Bucket": bucket, "Key": "clip"})
    assert requests.get(url, timeout=60).content == b"bytes"
    worker.allow({"Action": "s3:PutObject"})
    assert requests.get(url, timeout=60).status_code == 403


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_presigned_url_is_for_one_request(make: Maker, version: str) -> None:
    bucket = bucket_of(make, clip=b"bytes", other=b"private")
    config = Config(signature_version=version, s3={"addressing_style": "path"})
    keys = {"aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": SECRET_ACCESS_KEY}
    s3 = boto3.client("s3", endpoint_url=make.cloud.endpoint, region_name=REGION, config=config, **keys)
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "clip"}, ExpiresIn=60)
    assert requests.get(url, timeout=60).content == b"bytes"
    for altered in (url.replace("/clip", "/other"), url + "&versionId=null"):
        answer = requests.get(altered, timeout=60)
        assert answer.status_code == 403 and "SignatureDoesNotMatch" in answer.text
    assert requests.put(url, data=b"x", timeout=60).status_code == 403


def test_whoever_has_an_access_key_s_id_but_not_its_secret_is_nobody(make: Maker) -> None:
    codes = {"s3": "SignatureDoesNotMatch", "sts": "SignatureDoesNotMatch", "dynamodb": "InvalidSignatureException"}
    calls = {"s3": "list_buckets", "sts": "get_caller_identity", "dynamodb": "list_tables"}
    for service, code in codes.items():
        client = client_with(make.cloud.endpoint, service, ACCESS_KEY_ID, secret="guessed")
        assert refusal(getattr(client, calls[service]))[0] == code


def test_an_encrypted_bucket_needs_the_key_through_s3(make: Maker) -> None:
    key = make.client("kms").create_key()["KeyMetadata"]["Arn"]
    bucket = bucket_of(make)
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": True,
    }
    make.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    worker = Worker(make, {"Action": "s3:*"})
    s3 = worker.client("s3")

    def put() -> Any:
        return s3.put_object(Bucket=bucket, Key="clip", Body=b"x")

    code, message = refusal(put)
    assert code == "AccessDenied" and f"kms:GenerateDataKey on resource: {key} because no identity-based" in message
    through_s3 = {
        "Action": ["kms:GenerateDataKey", "kms:Decrypt"],
        "Resource": key,
        "Condition": {
            "StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"},
            "StringLike": {"kms:EncryptionContext:aws:s3:arn": f"arn:aws:s3:::{bucket}"},
        },
    }
    worker.allow({"Action": "s3:*"}, through_s3)
    put()
    assert s3.get_object(Bucket=bucket, Key="clip")["Body"].read() == b"x"
    assert refusal(lambda: worker.client("kms").generate_data_key(KeyId=key, KeySpec="AES_256"))[0].startswith("Access")
    statement = {"Effect": "Allow", "Principal": {"AWS": f"{ROLE_ARN}other"}, "Action": "kms:*", "Resource": "*"}
    make.client("kms").put_key_policy(KeyId=key, PolicyName="default", Policy=document(statement))
    assert "no resource-based policy allows the kms:GenerateDataKey action" in refusal(put)[1]


def test_a_missing_object_is_hidden_from_those_who_may_not_list(make: Maker) -> None:
    bucket = bucket_of(make)
    worker = Worker(make, {"Action": "s3:GetObject"})
    s3 = worker.client("s3")
    assert refusal(lambda: s3.get_object(Bucket=bucket, Key="none"))[0] == "AccessDenied"
    assert refusal(lambda: s3.head_object(Bucket=bucket, Key="none"))[0] == "403"
    worker.allow({"Action": "s3:GetObject"}, {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"})
    assert refusal(lambda: s3.get_object(Bucket=bucket, Key="none"))[0] == "NoSuchKey"


def test_each_key_of_a_list_is_deleted_or_an_error_by_itself(make: Maker) -> None:
    name = bucket_of(make, **{"own/ a ": b"1", "own/b": b"2", "other/c": b"3"})
    worker = Worker(make, {"Action": "s3:DeleteObject", "Resource": f"arn:aws:s3:::{name}/own/*"})
    s3, listed = worker.client("s3"), [{"Key": "own/ a "}, {"Key": "other/c"}, {"Key": "own/missing"}]
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": listed})
    assert [one["Key"] for one in answer["Deleted"]] == ["own/ a ", "own/missing"]
    (error,) = answer["Errors"]
    assert (error["Key"], error["Code"]) == ("other/c", "AccessDenied")
    assert "s3:DeleteObject on resource" in error["Message"]
    quiet = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "own/b"}, {"Key": "other/c"}], "Quiet": True})
    assert "Deleted" not in quiet and [one["Key"] for one in quiet["Errors"]] == ["other/c"]
    assert [one["Key"] for one in make.client("s3").list_objects_v2(Bucket=name)["Contents"]] == ["other/c"]


def test_s3_s_conditions_see_the_request(make: Maker) -> None:
    bucket = bucket_of(make, mine=b"1")
    objects = f"arn:aws:s3:::{bucket}/*"
    worker = Worker(
        make,
        {"Action": "s3:PutObject", "Resource": objects},
        {
            "Action": "s3:PutObject",
            "Resource": objects,
            "Effect": "Deny",
            "Condition": {"Null": {"s3:if-none-match": "true"}, "Bool": {"s3:ObjectCreationOperation": "true"}},
        },
        {"Action": "s3:PutObjectTagging", "Condition": {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": "a"}}},
        {"Action": "s3:ListBucket", "Condition": {"StringLike": {"s3:prefix": "mine*"}}},
    )
    s3 = worker.client("s3")
    assert refusal(lambda: s3.put_object(Bucket=bucket, Key="new", Body=b"x"))[0] == "AccessDenied"
    s3.put_object(Bucket=bucket, Key="new", Body=b"x", IfNoneMatch="*", Tagging="a=1")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    whole = {"Bucket": bucket, "Key": "large", "UploadId": upload, "MultipartUpload": parts}
    assert refusal(lambda: s3.complete_multipart_upload(**whole))[0] == "AccessDenied"
    s3.complete_multipart_upload(**whole, IfNoneMatch="*")
    tags = {"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}
    assert refusal(lambda: s3.put_object_tagging(Bucket=bucket, Key="new", Tagging=tags))[0] == "AccessDenied"
    assert s3.list_objects_v2(Bucket=bucket, Prefix="mine")["KeyCount"] == 1
    assert refusal(lambda: s3.list_objects_v2(Bucket=bucket))[0] == "AccessDenied"
    assert refusal(lambda: s3.delete_object(Bucket=bucket, Key="new"))[0] == "AccessDenied"
    copy = {"Bucket": bucket, "Key": "copied", "CopySource": {"Bucket": bucket, "Key": "mine"}}
    assert "s3:GetObject on" in refusal(lambda: s3.copy_object(**copy, IfNoneMatch="*"))[1]


def test_conditions_on_items_metrics_and_passed_roles(make: Maker) -> None:
    make.client("dynamodb").create_table(
        TableName="spend",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    worker = Worker(
        make,
        {"Action": "dynamodb:GetItem", "Condition": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["SPEND#*"]}}},
        {"Action": "cloudwatch:PutMetricData", "Condition": {"StringEquals": {"cloudwatch:namespace": "Edge"}}},
        {"Action": ["mediaconvert:CreateJob", "mediaconvert:TagResource"]},
        {
            "Action": "iam:PassRole",
            "Condition": {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}},
        },
    )
    dynamodb, cloudwatch = worker.client("dynamodb"), worker.client("cloudwatch")
    dynamodb.get_item(TableName="spend", Key={"pk": {"S": "SPEND#2026"}})
    other = refusal(lambda: dynamodb.get_item(TableName="spend", Key={"pk": {"S": "ASSET#1"}}))
    assert other[0] == "AccessDeniedException"
    cloudwatch.put_metric_data(Namespace="Edge", MetricData=[{"MetricName": "m", "Value": 1}])
    foreign = refusal(lambda: cloudwatch.put_metric_data(Namespace="AWS", MetricData=[{"MetricName": "m", "Value": 1}]))
    assert foreign[0] == "AccessDenied"
    job = {"Role": worker.arn, "Settings": {"Inputs": [{"FileInput": "s3://b/k"}], "OutputGroups": []}}
    code, message = refusal(lambda: worker.client("mediaconvert").create_job(**job))
    assert code == "AccessDeniedException" and f"iam:PassRole on resource: {worker.arn}" in message


def test_a_function_has_its_role_s_permissions_and_logs_only_if_it_may(make: Maker) -> None:
    bucket = bucket_of(make, clip=b"bytes")
    worker = Worker(make, {"Action": "s3:GetObject"})
    code = """
        import boto3
        def handler(event, context):
            s3 = boto3.client("s3")
            s3.get_object(Bucket=event["bucket"], Key="clip")
            try:
                s3.delete_object(Bucket=event["bucket"], Key="clip")
            except s3.exceptions.ClientError as error:
                return error.response["Error"]["Message"]
    """
    function = make.function(code, Role=worker.arn)
    name = function.rpartition(":")[2]
    payload, error, _ = make.invoke(function, {"bucket": bucket})
    assert error is None
    assert payload.startswith(f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{worker.name}/{name} is not authorized")
    logs = make.client("logs")
    assert logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"] == []
    worker.allow({"Action": ["s3:GetObject", "logs:CreateLogStream", "logs:PutLogEvents"]})
    make.invoke(function, {"bucket": bucket})
    assert logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    stranger = Worker(make, trusts="ec2.amazonaws.com")
    code, message = refusal(lambda: make.invoke(make.function("def handler(e, c): pass", Role=stranger.arn)))
    assert (code, "cannot be assumed by Lambda" in message) == ("AccessDeniedException", True)


def test_eventbridge_and_sns_deliver_where_a_policy_lets_them(make: Maker) -> None:
    allowed_url, allowed = make.queue()
    denied_url, denied = make.queue()
    pattern = {"source": ["tests"], "detail": {"id": [allowed]}}
    rule = make.rule(pattern, Arn=allowed)
    make.rule(pattern, Arn=denied)
    topic = make.client("sns").create_topic(Name=make.name("topic"))["TopicArn"]
    for arn in (allowed, denied):
        make.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sqs:SendMessage",
            "Resource": allowed,
            "Condition": {"ArnEquals": {"aws:SourceArn": source}},
        }
        for service, source in (("events.amazonaws.com", rule), ("sns.amazonaws.com", topic))
    ]
    make.client("sqs").set_queue_attributes(QueueUrl=allowed_url, Attributes={"Policy": document(*statements)})
    entry = {"Source": "tests", "DetailType": "t", "Detail": json.dumps({"id": allowed})}
    make.client("events").put_events(Entries=[entry])
    make.client("sns").publish(TopicArn=topic, Message="x")
    assert len(make.messages(allowed_url, 2)) == 2
    wait_until(lambda: requests.get(f"{make.cloud.endpoint}/_impp/idle", timeout=60).json()["events"] == 0)
    assert "Messages" not in make.client("sqs").receive_message(QueueUrl=denied_url)


def test_a_state_machine_has_its_role_s_permissions(make: Maker) -> None:
    function = make.function("def handler(e, c): return 1", Role=Worker(make).arn)
    worker = Worker(make, trusts="states.amazonaws.com")
    state = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    state["Arguments"] = {"FunctionName": function}
    machine = make.client("stepfunctions").create_state_machine(
        name=make.name("machine"),
        definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}}),
        roleArn=worker.arn,
    )["stateMachineArn"]
    failed = make.ended(make.start(machine))
    assert failed["error"] == "Lambda.AccessDeniedException"
    assert "lambda:InvokeFunction on resource" in failed["cause"]
    worker.allow({"Action": "lambda:InvokeFunction", "Resource": function})
    assert make.ended(make.start(machine))["status"] == "SUCCEEDED"


def test_a_state_machine_is_created_only_if_its_role_may_log_and_follow_jobs(make: Maker) -> None:
    group = make.name("/machine")
    make.client("logs").create_log_group(logGroupName=group)
    destination = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:*"
    job = {"Type": "Task", "Resource": "arn:aws:states:::mediaconvert:createJob.sync", "End": True, "Arguments": {}}
    worker = Worker(make, trusts="states.amazonaws.com")

    def create() -> Any:
        return make.client("stepfunctions").create_state_machine(
            name=make.name("machine"),
            definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": job}}),
            roleArn=worker.arn,
            loggingConfiguration={
                "level": "ALL",
                "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": destination}}],
            },
        )

    message = "The state machine IAM Role is not authorized to access the Log Destination"
    assert refusal(create) == ("AccessDeniedException", message)
    logging = {"Action": [f"logs:{action}" for action in LOG_DELIVERY]}
    worker.allow(logging)
    assert refusal(create) == ("AccessDeniedException", f"'{worker.arn}' is not authorized to create managed-rule.")
    rule = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{MANAGED_RULE}"
    worker.allow(logging, {"Action": [f"events:{action}" for action in RULE_ACTIONS], "Resource": rule})
    assert create()["stateMachineArn"]


def test_an_encrypted_schedule_needs_a_role_that_may_decrypt_it(make: Maker) -> None:
    url, queue = make.queue()
    key = make.client("kms").create_key()["KeyMetadata"]["Arn"]
    send = {"Action": "sqs:SendMessage", "Resource": queue}
    worker = Worker(make, send, trusts="scheduler.amazonaws.com")
    name = make.name("schedule")
    make.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        KmsKeyArn=key,
        Target={"Arn": queue, "RoleArn": worker.arn, "Input": "{}"},
    )

    def run() -> None:
        requests.post(f"{make.cloud.endpoint}/_impp/schedules/{name}/run", timeout=60).raise_for_status()
        wait_until(lambda: requests.get(f"{make.cloud.endpoint}/_impp/idle", timeout=60).json()["events"] == 0)

    run()
    assert "Messages" not in make.client("sqs").receive_message(QueueUrl=url)
    worker.allow(send, {"Action": "kms:Decrypt", "Resource": key})
    run()
    assert len(make.messages(url, 1)) == 1


def test_a_session_policy_limits_an_assumed_role(make: Maker) -> None:
    worker = Worker(make, {"Action": "s3:*"})
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    make.client("iam").update_assume_role_policy(RoleName=worker.name, PolicyDocument=document(trust))
    policy = document({"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"})
    keys = make.client("sts").assume_role(RoleArn=worker.arn, RoleSessionName="tests", Policy=policy)["Credentials"]
    s3 = client_with(make.cloud.endpoint, "s3", keys["AccessKeyId"], keys["SessionToken"], keys["SecretAccessKey"])
    s3.list_buckets()
    assert "because no session policy allows" in refusal(lambda: s3.create_bucket(Bucket="never"))[1]
    assert (
        refusal(lambda: worker.client("sts").assume_role(RoleArn=worker.arn, RoleSessionName="tests"))[0]
        == "AccessDenied"
    )


def test_the_page_of_permissions_lists_what_was_needed(make: Maker) -> None:
    worker = Worker(make, {"Sid": "Used", "Action": "s3:ListAllMyBuckets"}, {"Sid": "Spare", "Action": "s3:GetObject"})
    worker.client("s3").list_buckets()
    page = requests.get(f"{make.cloud.endpoint}/_impp/permissions", timeout=60).json()
    label = f"role {worker.name}: work"
    assert page["enforced"] and {"policy": label, "statement": "Used"} in page["needed"]
    assert {"policy": label, "statement": "Spare"} in page["unused"]


def test_a_changed_policy_takes_effect_with_the_next_request(make: Maker) -> None:
    """Policies are parsed once, and remember which actions they cover."""
    worker, bucket = Worker(make, {"Action": "s3:GetObject"}), make.name("bucket")
    s3, own = make.client("s3"), worker.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a", Body=b"a")

    def reads() -> bool:
        try:
            own.get_object(Bucket=bucket, Key="a")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied"
            return False
        return True

    assert reads()
    worker.allow({"Action": "s3:PutObject"})
    assert not reads()
    worker.allow({"Action": "s3:GetObject"})
    assert reads()
    refusal = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=document(refusal))
    assert not reads()
    s3.delete_bucket_policy(Bucket=bucket)
    assert reads()
    make.client("iam").delete_role_policy(RoleName=worker.name, PolicyName="work")
    assert not reads()
