"""SageMaker's endpoints: the artifact's own code answers in a child process, with AWS's limits and errors."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.support import custom_model
from tests.support.local_cloud import wait_until

from impp_local.cloud import LocalCloud
from impp_local.kernel import billing
from impp_local.kernel.clients import Clients
from impp_local.kernel.defaults import ACCOUNT

pytestmark = pytest.mark.slow

BUCKET = "impp-test-models"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
ECHO = """
import json, os, time
def model_fn(folder): return open(os.path.join(folder, "word")).read()
def input_fn(body, content_type): return body.decode()
def predict_fn(data, model):
    if data == "fail": raise RuntimeError("the model cannot do this")
    if data.startswith("until"):
        while not os.path.exists(data[6:]): time.sleep(0.02)
    if data == "end": os._exit(3)
    if data == "eat": return str(len(bytearray(2 << 30)) and time.sleep(5))
    if data == "environment": return json.dumps(sorted(os.environ))
    return f"{model} {data}"
def output_fn(prediction, accept): return prediction
"""


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(port=0, state=tmp_path_factory.mktemp("cloud"), enforce=True) as running:
        yield running


@pytest.fixture(scope="module")
def role(cloud: LocalCloud) -> str:
    iam = cloud.client("iam")
    cloud.client("s3").create_bucket(Bucket=BUCKET)
    arn = iam.create_role(RoleName="impp-test-scene", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed]}
    iam.put_role_policy(RoleName="impp-test-scene", PolicyName="objects", PolicyDocument=json.dumps(policy))
    return str(arn)


Create = Callable[..., str]


@pytest.fixture
def create(cloud: LocalCloud, role: str) -> Iterator[Create]:
    """Creates an endpoint named `name`, by a configuration of its own."""
    sagemaker, names = cloud.client("sagemaker"), list[str]()

    def endpoint(name: str, artifact: bytes, variant: dict[str, Any] | None = None, **configuration: Any) -> str:
        cloud.client("s3").put_object(Bucket=BUCKET, Key=f"{name}/model.tar.gz", Body=artifact)
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=role,
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/{name}/model.tar.gz"},
        )
        variant = variant or {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}}
        variants = [{"VariantName": "main", "ModelName": name, **variant}]
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants, **configuration)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
        names.append(name)
        return name

    yield endpoint
    for name in names:
        sagemaker.delete_endpoint(EndpointName=name)


def ask(cloud: LocalCloud, name: str, body: bytes, kind: str = "text/plain", **more: Any) -> bytes:
    answer = cloud.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=name, Body=body, ContentType=kind, Accept="application/json", **more
    )
    return bytes(answer["Body"].read())


def billed(item: str, asset: str | None = None) -> float:
    lines = billing.METER.lines()
    return sum(line.quantity for line, owner in lines if line.item == item and asset in (None, owner))


def test_the_example_tells_day_from_night(cloud: LocalCloud, create: Create) -> None:
    name = create("scene", custom_model.artifact())
    asset = "0123456789abcdef0123"
    day, night = (
        json.loads(ask(cloud, name, custom_model.jpeg(b), "image/jpeg", InferenceId=f"impp-{asset}-0"))["labels"]
        for b in (200, 8)
    )
    assert day[0]["name"] == "day" and night[0]["name"] == "night" and night[0]["confidence"] > 60
    assert 0 < billed("serverless_gb_second", asset) < 5 and billed("data", asset) > 0


def test_errors_of_the_model_and_of_its_container(cloud: LocalCloud, create: Create) -> None:
    name = create("echo", custom_model.archive(ECHO, word=b"hello"))
    assert ask(cloud, name, b"world") == b"hello world"
    with pytest.raises(ClientError) as failed:
        ask(cloud, name, b"fail")
    assert failed.value.response["Error"]["Code"] == "ModelError"
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert dict(failed.value.response)["OriginalStatusCode"] == 500
    for word, said in ((b"end", "ended with code 3"), (b"eat", "1024 MB")):
        with pytest.raises(ClientError, match=said):
            ask(cloud, name, word)
        assert ask(cloud, name, b"again") == b"hello again", "a container that died is replaced"
    names = json.loads(ask(cloud, name, b"environment"))
    assert not [one for one in names if one.startswith("AWS")], "no credentials"
    with pytest.raises(ClientError, match="maximum is"):
        ask(cloud, name, b"x" * (4 * 2**20 + 1))
    with pytest.raises(ClientError, match="not found"):
        ask(cloud, "nowhere", b"x")


def test_more_calls_than_its_concurrency_are_throttled(cloud: LocalCloud, create: Create, tmp_path: Path) -> None:
    name = create("busy", custom_model.archive(ECHO, word=b""))
    first = threading.Thread(target=ask, args=(cloud, name, f"until {tmp_path / 'over'}".encode()))
    first.start()
    wait_until(lambda: cloud.work()["inferences"])
    once = Clients(cloud.endpoint, retries=0)("sagemaker-runtime")
    with pytest.raises(ClientError) as throttled:
        once.invoke_endpoint(EndpointName=name, Body=b"x", ContentType="text/plain")
    assert throttled.value.response["Error"]["Code"] == "ThrottlingException"
    (tmp_path / "over").touch()
    first.join()


@pytest.mark.parametrize(
    ("artifact", "reason"),
    [
        (b"no archive", "not a gzip file"),
        (custom_model.archive("raise ValueError('no weights')"), "no weights"),
        (custom_model.archive("x = 1"), "model_fn"),
        (custom_model.archive("x = 1", **{"../../outside": b"x"}), "outside"),
    ],
)
def test_an_endpoint_whose_model_does_not_load_fails(
    cloud: LocalCloud, create: Create, artifact: bytes, reason: str
) -> None:
    name = create(f"broken-{reason.replace(' ', '-').replace('_', '-')}", artifact)
    described = cloud.client("sagemaker").describe_endpoint(EndpointName=name)
    assert described["EndpointStatus"] == "Failed"
    assert "ping health check" in described["FailureReason"] and reason in described["FailureReason"]


def test_a_role_that_cannot_read_the_artifact_makes_no_model(cloud: LocalCloud) -> None:
    cloud.client("iam").create_role(RoleName="impp-test-blind", AssumeRolePolicyDocument=TRUST)
    cloud.client("s3").put_object(Bucket=BUCKET, Key="other/model.tar.gz", Body=b"x")
    with pytest.raises(ClientError, match="Could not access model data at s3://"):
        cloud.client("sagemaker").create_model(
            ModelName="blind",
            ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/impp-test-blind",
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/other/model.tar.gz"},
        )


def test_an_update_replaces_the_model(cloud: LocalCloud, create: Create, role: str) -> None:
    name = create("changing", custom_model.archive(ECHO, word=b"old"))
    assert ask(cloud, name, b"model") == b"old model"
    sagemaker = cloud.client("sagemaker")
    cloud.client("s3").put_object(
        Bucket=BUCKET, Key="changed/model.tar.gz", Body=custom_model.archive(ECHO, word=b"new")
    )
    sagemaker.create_model(
        ModelName="changed",
        ExecutionRoleArn=role,
        EnableNetworkIsolation=True,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{BUCKET}/changed/model.tar.gz"},
    )
    described = sagemaker.describe_model(ModelName="changed")
    assert described["EnableNetworkIsolation"] and "VpcConfig" not in described
    serverless = {"MemorySizeInMB": 2048, "MaxConcurrency": 2}
    variant = {"VariantName": "main", "ModelName": "changed", "ServerlessConfig": serverless}
    sagemaker.create_endpoint_config(EndpointConfigName="changed", ProductionVariants=[variant])
    assert "DataCaptureConfig" not in sagemaker.describe_endpoint_config(EndpointConfigName="changed")
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName="changed")
    assert ask(cloud, name, b"model") == b"new model"


def test_an_asynchronous_endpoint_answers_by_objects(cloud: LocalCloud, create: Create) -> None:
    s3, prefix = cloud.client("s3"), f"s3://{BUCKET}/answers/"
    name = create(
        "later",
        custom_model.archive(ECHO, word=b"hello"),
        {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1},
        AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": prefix, "S3FailurePath": f"{prefix}failed"}},
    )
    runtime, answers = cloud.client("sagemaker-runtime"), {}
    for word in ("world", "fail"):
        s3.put_object(Bucket=BUCKET, Key=f"in/{word}", Body=word.encode())
        answers[word] = runtime.invoke_endpoint_async(
            EndpointName=name, InputLocation=f"s3://{BUCKET}/in/{word}", ContentType="text/plain", InferenceId=word
        )

    def read(location: str) -> Any:
        key = location.removeprefix(f"s3://{BUCKET}/")
        listed = s3.list_objects_v2(Bucket=BUCKET, Prefix=key).get("Contents")
        return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() if listed else None

    assert answers["world"]["InferenceId"] == "world"
    assert wait_until(lambda: read(answers["world"]["OutputLocation"])) == b"hello world"
    assert b"the model cannot do this" in wait_until(lambda: read(answers["fail"]["FailureLocation"]))
    assert read(answers["fail"]["OutputLocation"]) is None
    wait_until(lambda: not cloud.work()["inferences"])
    assert billed("ml.m5.large") > 0
    with pytest.raises(ClientError, match="asynchronously"):
        ask(cloud, name, b"x")
    monthly = {line["item"]: line["quantity"] for line in billing.bill()["per_month"]["lines"]}
    assert monthly["ml.m5.large"] == 730, "an instance without scaling runs day and night"
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{name}/variant/main",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=0,
        MaxCapacity=1,
    )
    monthly = {line["item"]: line["quantity"] for line in billing.bill()["per_month"]["lines"]}
    assert "ml.m5.large" not in monthly


def test_a_scalable_target_has_tags(cloud: LocalCloud) -> None:
    scaling = cloud.client("application-autoscaling")
    dimension = "sagemaker:variant:DesiredInstanceCount"
    given = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/x/variant/main", "ScalableDimension": dimension}
    scaling.register_scalable_target(**given, MinCapacity=0, MaxCapacity=1, Tags={"a": "1", "b": "2"})
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[given["ResourceId"]])[
        "ScalableTargets"
    ]
    arn = target["ScalableTargetARN"]
    scaling.tag_resource(ResourceARN=arn, Tags={"c": "3"})
    scaling.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert scaling.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"b": "2", "c": "3"}
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        scaling.list_tags_for_resource(ResourceARN=f"{arn}x")
