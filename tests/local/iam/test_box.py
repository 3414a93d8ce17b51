"""A box with the credentials that the guide gives it can do its work; a stranger who has them can do nothing else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from tests.support import synthetic_media
from tests.support.paths import REPOSITORY

from impp_local.cloud import LocalCloud
from impp_local.kernel.defaults import REGION

BUCKET = "home-ingest"
OWN = "originals/dashcam/blue-car/2026/11/23/"
OTHER = "originals/dashcam/red-car/2026/11/23/clip.mp4"


@dataclass
class Box:
    """A box's credentials, and what it sends footage with."""

    cloud: LocalCloud
    home: Path
    access_key: str
    secret_key: str

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.cloud.endpoint,
            region_name=REGION,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
        )

    def send(self, method: str, target: str, host: str) -> tuple[int, bytes]:
        """Status and body of a signed request whose target and Host no SDK would send."""
        address = urlsplit(self.cloud.endpoint).netloc
        headers = {"Host": host or address, "If-None-Match": "*"}
        request = AWSRequest(method, f"http://{address}{target}", headers, b"")
        S3SigV4Auth(Credentials(self.access_key, self.secret_key), "s3", REGION).add_auth(request)
        connection = HTTPConnection(address, timeout=60)
        connection.request(method, target, b"", dict(request.headers))
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    def sync(self) -> subprocess.CompletedProcess[str]:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | {
            "AWS_ENDPOINT_URL": self.cloud.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": REGION,
            "PYTHONPATH": str(REPOSITORY / "edge"),
        }
        command = [sys.executable, "-m", "impp_edge", "sync", "--config", str(self.home / "edge.toml")]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    home = tmp_path_factory.mktemp("home")
    with LocalCloud(0, tmp_path_factory.mktemp("cloud"), enforce=True) as cloud:
        s3, iam = cloud.client("s3"), cloud.client("iam")
        key = cloud.client("kms").create_key()["KeyMetadata"]["Arn"]
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
        s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        s3.put_object(Bucket=BUCKET, Key=OTHER, Body=b"another car's")
        iam.create_user(UserName="box")
        iam.put_user_policy(UserName="box", PolicyName="upload", PolicyDocument=guides_policy(key))
        made = iam.create_access_key(UserName="box")["AccessKey"]
        (home / "card").mkdir()
        (home / "edge.toml").write_text(
            f'bucket = "{BUCKET}"\nstate = "{home / "memory"}"\nsettle_s = 0\ndevice = "blue-car"\n'
            f'[[folder]]\npath = "{home / "card"}"\nsource = "dashcam"\n'
        )
        yield Box(cloud, home, made["AccessKeyId"], made["SecretAccessKey"])


def guides_policy(key: str) -> str:
    """The policy on the page; `tests/infra/test_root.py` compares it with that of module `edge_identity`."""
    page = (REPOSITORY / "docs" / "guide" / "edge-credentials.md").read_text(encoding="utf-8")
    (policy,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for word, value in {"BUCKET": BUCKET, "DEVICE": "blue-car", "KEY_ARN": key, "REGION": REGION}.items():
        policy = policy.replace(word, value)
    return str(policy)


@pytest.mark.slow
def test_a_box_uploads_with_no_more_than_its_policy(box: Box) -> None:
    clip = synthetic_media.movie(synthetic_media.scenes(2, 1), sound=synthetic_media.hum(2))
    (box.home / "card" / "20261123_081500_NF.mp4").write_bytes(clip)
    run = box.sync()
    assert run.returncode == 0, run.stdout + run.stderr
    listed = box.cloud.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=OWN)["Contents"]
    assert [one["Key"].rpartition("/")[2] for one in listed] == ["20261123_081500_NF.mp4"]
    assert box.sync().returncode == 0


ATTACKS: dict[str, Callable[[Box, Any], Any]] = {
    "replace its own footage": lambda _, s3: s3.put_object(Bucket=BUCKET, Key=OWN + "new.mp4", Body=b"x"),
    "write as another device": lambda _, s3: s3.put_object(Bucket=BUCKET, Key=OTHER, Body=b"x", IfNoneMatch="*"),
    "write outside of originals": lambda _, s3: s3.put_object(Bucket=BUCKET, Key="x", Body=b"x", IfNoneMatch="*"),
    "leave its prefix by dots": lambda _, s3: s3.put_object(
        Bucket=BUCKET, Key="originals/dashcam/blue-car-2/x", Body=b"x", IfNoneMatch="*"
    ),
    "read another device's": lambda _, s3: s3.get_object(Bucket=BUCKET, Key=OTHER),
    "copy another device's": lambda _, s3: s3.copy_object(
        Bucket=BUCKET, Key=OWN + "copy.mp4", CopySource={"Bucket": BUCKET, "Key": OTHER}, IfNoneMatch="*"
    ),
    "retag another device's": lambda _, s3: s3.put_object_tagging(
        Bucket=BUCKET, Key=OTHER, Tagging={"TagSet": [{"Key": "impp:archive", "Value": "x"}]}
    ),
    "list everything": lambda _, s3: s3.list_objects_v2(Bucket=BUCKET),
    "list another device's": lambda _, s3: s3.list_objects_v2(Bucket=BUCKET, Prefix="originals/dashcam/red-car/"),
    "list versions": lambda _, s3: s3.list_object_versions(Bucket=BUCKET, Prefix=OWN),
    "delete": lambda _, s3: s3.delete_object(Bucket=BUCKET, Key=OWN + "20261123_081500_NF.mp4"),
    "change the lifecycle": lambda _, s3: s3.put_bucket_lifecycle_configuration(
        Bucket=BUCKET,
        LifecycleConfiguration={"Rules": [{"ID": "x", "Status": "Enabled", "Prefix": "", "Expiration": {"Days": 1}}]},
    ),
    "open the bucket": lambda _, s3: s3.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
    "use the key by itself": lambda box, _: box.client("kms").generate_data_key(
        KeyId=box.cloud.client("kms").list_keys()["Keys"][0]["KeyId"], KeySpec="AES_256"
    ),
    "send other metrics": lambda box, _: box.client("cloudwatch").put_metric_data(
        Namespace="IMPP", MetricData=[{"MetricName": "Spend", "Value": 0}]
    ),
    "give itself more": lambda box, _: box.client("iam").put_user_policy(
        UserName="box",
        PolicyName="more",
        PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        ),
    ),
    "start an execution": lambda box, _: box.client("stepfunctions").list_state_machines(),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_stranger_with_its_credentials_cannot(box: Box, attack: str) -> None:
    with pytest.raises(ClientError) as caught:
        ATTACKS[attack](box, box.client("s3"))
    error = caught.value.response["Error"]
    assert error["Code"].startswith("AccessDenied"), error


def test_a_key_that_reads_as_a_url_is_a_key(box: Box) -> None:
    key = f"{OWN}http://host/{BUCKET}/{OTHER}"
    box.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"its own", IfNoneMatch="*")
    assert box.send("GET", f"/{BUCKET}/{key}", "") == (200, b"its own")


@pytest.mark.parametrize("host", ["results.localhost.", "RESULTS.LOCALHOST", "results.S3.amazonaws.com"])
def test_the_bucket_that_is_judged_is_the_bucket_that_is_used(box: Box, host: str) -> None:
    s3 = box.cloud.client("s3")
    s3.create_bucket(Bucket="results")
    s3.put_object(Bucket="results", Key=f"{BUCKET}/{OWN}secret", Body=b"secret")
    status, body = box.send("GET", f"/{BUCKET}/{OWN}secret", host)
    assert status in (403, 404) and body != b"secret"
    box.send("PUT", f"/{BUCKET}/{OWN}{host}", host)
    assert [one["Key"] for one in s3.list_objects_v2(Bucket="results")["Contents"]] == [f"{BUCKET}/{OWN}secret"]


def test_another_devices_upload_is_not_its_own(box: Box) -> None:
    upload = box.cloud.client("s3").create_multipart_upload(Bucket=BUCKET, Key=OTHER)["UploadId"]
    s3, own = box.client("s3"), {"Bucket": BUCKET, "Key": OWN + "own.mp4", "UploadId": upload}
    for attack in (
        lambda: s3.upload_part(**own, PartNumber=1, Body=b"x"),
        lambda: s3.upload_part_copy(**own, PartNumber=1, CopySource=f"{BUCKET}/{OWN}20261123_081500_NF.mp4"),
        lambda: s3.list_parts(**own),
        lambda: s3.abort_multipart_upload(**own),
        lambda: s3.complete_multipart_upload(**own, IfNoneMatch="*"),
    ):
        with pytest.raises(ClientError, match="NoSuchUpload"):
            attack()


def test_it_deletes_nothing_in_a_list_either(box: Box) -> None:
    answer = box.client("s3").delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": OTHER}, {"Key": OWN + "a"}]})
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [
        (OTHER, "AccessDenied"),
        (OWN + "a", "AccessDenied"),
    ]
    assert "Deleted" not in answer and box.cloud.client("s3").head_object(Bucket=BUCKET, Key=OTHER)
