"""A delivery as module delivery makes it, at the local cloud: behaviors, functions, keys, store; and a catalog."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
from tests.support.aws_fakes import FakeContext
from tests.support.paths import REPOSITORY
from tests.support.private_delivery import distribution

from impp_lambdas.adapters import aws
from impp_lambdas.adapters.settings import variable
from impp_lambdas.core import keys
from impp_lambdas.handlers import viewer_keys
from impp_local.cloud import LocalCloud

MODULE = REPOSITORY / "modules" / "delivery"
NAME = "impp-local"
BUCKET = "impp-local-delivery"
BEHAVIOR = re.compile(r'\{ path_pattern = "([^"]+)", signed = (true|false), function = (null|"(\w+)") \}')


@dataclass(frozen=True)
class Delivery:
    """Its cloud, the address of the distribution, the root's outputs, and the variables of the function viewer_keys."""

    cloud: LocalCloud
    url: str
    outputs: dict[str, Any]
    variables: dict[str, str]


def deliver(cloud: LocalCloud, assets: Mapping[str, bytes]) -> Delivery:
    """A delivery of these assets (`proxy.mp4` of each), an index and an application."""
    _fill(cloud, assets)
    client = cloud.client("cloudfront")
    variables = {
        variable("kms_key_arn"): cloud.client("kms").create_key()["KeyMetadata"]["Arn"],
        variable("viewer_keys_folder"): "/impp-local/viewer-keys",
        variable("viewer_keys_name"): NAME,
    }
    group = {"Name": f"{NAME}-viewer-keys", "Items": _make_keys(cloud, variables)}
    group_id = client.create_key_group(KeyGroupConfig=group)["KeyGroup"]["Id"]
    store = client.create_key_value_store(Name=f"{NAME}-revoked-shares")["KeyValueStore"]["ARN"]
    functions = {"entry": _publish(client, "entry", []), "gate": _publish(client, "gate", [store])}
    created = client.create_distribution(DistributionConfig=_config(client, group_id, functions))["Distribution"]
    outputs = {
        "catalog_table": _catalog(cloud, assets),
        "delivery_bucket": BUCKET,
        "distribution_domain": created["DomainName"],
        "distribution_id": created["Id"],
        "ingest_bucket": "impp-local-ingest",
        "revoked_shares_store_arn": store,
        "state_machine_arn": "arn:aws:states:us-east-1:123456789012:stateMachine:impp-local-pipeline",
        "viewer_key_parameter": "/impp-local/viewer-keys/current",
    }
    url = requests.get(f"{cloud.endpoint}/_impp/distributions", timeout=60).json()[created["Id"]]
    return Delivery(cloud, url, outputs, variables)


def _fill(cloud: LocalCloud, assets: Mapping[str, bytes]) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    for key, body in (("app/index.html", b"gallery"), ("app/denied.html", b"denied"), ("anything", b"private")):
        s3.put_object(Bucket=BUCKET, Key=key, Body=body, ContentType="text/html")
    s3.put_object(Bucket=BUCKET, Key="index/shards.json", Body=b"{}", CacheControl=keys.DOCUMENT_CACHE)
    for asset, body in assets.items():
        s3.put_object(Bucket=BUCKET, Key=f"assets/{asset}/proxy.mp4", Body=body, ContentType="video/mp4")


def _make_keys(cloud: LocalCloud, variables: Mapping[str, str]) -> list[str]:
    import pytest

    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.setattr(aws, "client", lambda service, _version=None: cloud.client(service))
        return list(viewer_keys.handler({"tf": {"action": "create"}}, FakeContext())["key_pair_ids"])


def _publish(client: Any, name: str, stores: list[str]) -> str:
    associations = {"Quantity": len(stores), "Items": [{"KeyValueStoreARN": arn} for arn in stores]}
    created = client.create_function(
        Name=f"{NAME}-{name}",
        FunctionCode=(MODULE / "functions" / f"{name}.js").read_bytes(),
        FunctionConfig={"Comment": "", "Runtime": "cloudfront-js-2.0", "KeyValueStoreAssociations": associations},
    )
    client.publish_function(Name=f"{NAME}-{name}", IfMatch=created["ETag"])
    return str(created["FunctionSummary"]["FunctionMetadata"]["FunctionARN"])


def _config(client: Any, group: str, functions: Mapping[str, str]) -> dict[str, Any]:
    """The configuration, with the behaviors that main.tf lists and the Cache-Control of headers.tf."""
    (cache,) = re.findall(r'"Cache-Control"\s+override = false\s+value\s+= "([^"]+)"', _text("headers.tf"))
    custom = {"Quantity": 1, "Items": [{"Header": "Cache-Control", "Value": cache, "Override": False}]}
    headers = client.create_response_headers_policy(
        ResponseHeadersPolicyConfig={"Name": f"{NAME}-delivery", "CustomHeadersConfig": custom}
    )["ResponseHeadersPolicy"]["Id"]
    signed = {
        "TrustedKeyGroups": {"Enabled": True, "Quantity": 1, "Items": [group]},
        "ResponseHeadersPolicyId": headers,
    }
    config = distribution(BUCKET, **signed)
    common = {name: value for name, value in config["DefaultCacheBehavior"].items() if name not in signed}
    rows = BEHAVIOR.findall(_text("main.tf"))
    assert len(rows) >= 5
    behaviors = [
        {**common, "PathPattern": pattern, **(signed if is_signed == "true" else {}), **_associated(functions, name)}
        for pattern, is_signed, _, name in rows
    ]
    page = {"ErrorCode": 403, "ResponseCode": "403", "ResponsePagePath": "/app/denied.html"}
    del config["DefaultRootObject"]
    return config | {
        "CacheBehaviors": {"Quantity": len(behaviors), "Items": behaviors},
        "CustomErrorResponses": {"Quantity": 1, "Items": [page]},
    }


def _associated(functions: Mapping[str, str], name: str) -> dict[str, Any]:
    if not name:
        return {}
    items = [{"EventType": "viewer-request", "FunctionARN": functions[name]}]
    return {"FunctionAssociations": {"Quantity": 1, "Items": items}}


def _text(name: str) -> str:
    return (MODULE / name).read_text(encoding="utf-8")


def _catalog(cloud: LocalCloud, assets: Mapping[str, bytes]) -> str:
    dynamodb, table = cloud.client("dynamodb"), "impp-local-catalog"
    keys = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "day", "captured_at")]
    schema = [{"AttributeName": "day", "KeyType": "HASH"}, {"AttributeName": "captured_at", "KeyType": "RANGE"}]
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=keys,
        GlobalSecondaryIndexes=[
            {"IndexName": "by_day", "KeySchema": schema, "Projection": {"ProjectionType": "ALL"}},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for asset in assets:
        dynamodb.put_item(TableName=table, Item={"pk": {"S": f"ASSET#{asset}"}, "state": {"S": "published"}})
    return table
