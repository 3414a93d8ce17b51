"""CloudFront Functions and key value stores: their control plane, and the API of a store's keys.

moto has no UpdateFunction and PublishFunction, and no keys of a store. A function has two stages: what is created and
updated is DEVELOPMENT, publishing copies it to LIVE, which viewers get.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-functions.html
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/kvs-with-functions-kvp-using-api.html
"""

from __future__ import annotations

import random
import string
import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from impp_local.kernel.contract import AwsError, Call, Service
from impp_local.kernel.defaults import ACCOUNT

KEYS_API: Final = "cloudfront-keyvaluestore"
MOST_CODE: Final = 10_240
"""Bytes of a function (CloudFront Developer Guide, "Quotas on CloudFront Functions")."""


def new_etag() -> str:
    """A version identifier."""
    return "E" + "".join(random.choices(string.ascii_uppercase + string.digits, k=13))  # noqa: S311  # an id


@dataclass
class Stage:
    """A stage of a function."""

    config: dict[str, Any]
    code: bytes
    etag: str = field(default_factory=new_etag)
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Function:
    """A function by its name; `stages` has DEVELOPMENT, and LIVE once it is published."""

    name: str
    stages: dict[str, Stage]
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def arn(self) -> str:
        """The ARN that a distribution refers to."""
        return f"arn:aws:cloudfront::{ACCOUNT}:function/{self.name}"


@dataclass
class KeyValueStore:
    """A store; its keys have a version of their own."""

    name: str
    comment: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    etag: str = field(default_factory=new_etag)
    keys_etag: str = field(default_factory=new_etag)
    keys: dict[str, str] = field(default_factory=dict)
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def arn(self) -> str:
        """The ARN that a function refers to."""
        return f"arn:aws:cloudfront::{ACCOUNT}:key-value-store/{self.id}"


class EdgeFunctions(Service):
    """Functions and stores by name."""

    name = "cloudfront"

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._stores: dict[str, KeyValueStore] = {}
        self._functions_lock = threading.RLock()

    # For those who serve viewers.

    def live(self, arn: str) -> tuple[Function, Stage, dict[str, str] | None]:
        """A published function, its stage and the keys of its store. Raises AwsError NoSuchFunctionExists."""
        function = self._functions.get(arn.rpartition("/")[2])
        if function is None or "LIVE" not in function.stages:
            raise AwsError("NoSuchFunctionExists", "The function does not exist.", 404)
        stage = function.stages["LIVE"]
        arns = [one["KeyValueStoreARN"] for one in _associations(stage.config)]
        stores = [store for store in self._stores.values() if store.arn in arns]
        return function, stage, dict(stores[0].keys) if stores else None

    def function_in_use(self, arn: str) -> bool:
        """Whether a distribution refers to it."""
        raise NotImplementedError

    # Functions.

    def create_function(self, call: Call) -> Mapping[str, Any]:
        """Raises FunctionAlreadyExists."""
        name = call.params["Name"]
        with self._functions_lock:
            if name in self._functions:
                raise AwsError("FunctionAlreadyExists", f"A function with the name {name} already exists.", 409)
            function = Function(name, {"DEVELOPMENT": self._stage(call)})
            self._functions[name] = function
        return {
            "FunctionSummary": _summary(function, "DEVELOPMENT"),
            "ETag": function.stages["DEVELOPMENT"].etag,
            "Location": f"https://cloudfront.amazonaws.com/2020-05-31/{function.arn}",
        }

    def update_function(self, call: Call) -> Mapping[str, Any]:
        """Change the stage DEVELOPMENT. Raises NoSuchFunctionExists, InvalidIfMatchVersion, PreconditionFailed."""
        with self._functions_lock:
            function = self._function(call)
            _match(call, function.stages["DEVELOPMENT"].etag)
            function.stages["DEVELOPMENT"] = self._stage(call)
        return {
            "FunctionSummary": _summary(function, "DEVELOPMENT"),
            "ETag": function.stages["DEVELOPMENT"].etag,
        }

    def publish_function(self, call: Call) -> Mapping[str, Any]:
        """Copy DEVELOPMENT to LIVE. Raises as `update_function`."""
        with self._functions_lock:
            function = self._function(call)
            draft = function.stages["DEVELOPMENT"]
            _match(call, draft.etag)
            function.stages["LIVE"] = Stage(draft.config, draft.code)
        return {"FunctionSummary": _summary(function, "LIVE")}

    def describe_function(self, call: Call) -> Mapping[str, Any]:
        """Raises NoSuchFunctionExists."""
        function, stage = self._function(call), call.params.get("Stage") or "DEVELOPMENT"
        return {"FunctionSummary": _summary(function, stage), "ETag": _stage_of(function, stage).etag}

    def get_function(self, call: Call) -> Mapping[str, Any]:
        """The code. Raises NoSuchFunctionExists."""
        stage = _stage_of(self._function(call), call.params.get("Stage") or "DEVELOPMENT")
        return {"FunctionCode": stage.code, "ETag": stage.etag, "ContentType": "application/octet-stream"}

    def list_functions(self, call: Call) -> Mapping[str, Any]:
        """All functions, or those with a stage."""
        stage = call.params.get("Stage") or "DEVELOPMENT"
        items = [_summary(one, stage) for one in list(self._functions.values()) if stage in one.stages]
        return {"FunctionList": {"MaxItems": 100, "Quantity": len(items), "Items": items}}

    def delete_function(self, call: Call) -> None:
        """Raises NoSuchFunctionExists, FunctionInUse, InvalidIfMatchVersion, PreconditionFailed."""
        with self._functions_lock:
            function = self._function(call)
            _match(call, function.stages["DEVELOPMENT"].etag)
            if self.function_in_use(function.arn):
                raise AwsError("FunctionInUse", "The function is associated with a distribution.", 409)
            del self._functions[function.name]

    def _function(self, call: Call) -> Function:
        function = self._functions.get(call.params["Name"])
        if function is None:
            raise AwsError("NoSuchFunctionExists", "The function does not exist.", 404)
        return function

    def _stage(self, call: Call) -> Stage:
        config, code = dict(call.params["FunctionConfig"]), bytes(call.params["FunctionCode"])
        if len(code) > MOST_CODE:
            raise AwsError("FunctionSizeLimitExceeded", f"The function has more than {MOST_CODE} bytes.", 413)
        known = {store.arn for store in self._stores.values()}
        if any(one["KeyValueStoreARN"] not in known for one in _associations(config)):
            raise AwsError("InvalidArgument", "The key value store does not exist.")
        return Stage(config, code)

    # Key value stores.

    def create_key_value_store(self, call: Call) -> Mapping[str, Any]:
        """Raises EntityAlreadyExists."""
        name = call.params["Name"]
        with self._functions_lock:
            if name in self._stores:
                raise AwsError("EntityAlreadyExists", f"A key value store with the name {name} already exists.", 409)
            store = self._stores[name] = KeyValueStore(name, call.params.get("Comment") or "")
        return {"KeyValueStore": _store(store), "ETag": store.etag, "Location": store.arn}

    def describe_key_value_store(self, call: Call) -> Mapping[str, Any]:
        """Of CloudFront: the store by its name; of the API of keys: its contents by its ARN."""
        if call.service != KEYS_API:
            store = self._named_store(call)
            return {"KeyValueStore": _store(store), "ETag": store.etag}
        store = self._store_of_keys(call)
        return {**_sizes(store), "KvsARN": store.arn, "Created": store.created, "LastModified": store.changed,
                "Status": "READY"}  # fmt: skip

    def update_key_value_store(self, call: Call) -> Mapping[str, Any]:
        """Change the comment. Raises EntityNotFound, InvalidIfMatchVersion, PreconditionFailed."""
        with self._functions_lock:
            store = self._named_store(call)
            _match(call, store.etag)
            store.comment, store.etag, store.changed = call.params["Comment"], new_etag(), datetime.now(UTC)
        return {"KeyValueStore": _store(store), "ETag": store.etag}

    def delete_key_value_store(self, call: Call) -> None:
        """Raises EntityNotFound, CannotDeleteEntityWhileInUse, InvalidIfMatchVersion, PreconditionFailed."""
        with self._functions_lock:
            store = self._named_store(call)
            _match(call, store.etag)
            stages = (stage for one in self._functions.values() for stage in one.stages.values())
            if any(one["KeyValueStoreARN"] == store.arn for stage in stages for one in _associations(stage.config)):
                raise AwsError("CannotDeleteEntityWhileInUse", "A function uses the key value store.", 409)
            del self._stores[store.name]

    def list_key_value_stores(self, call: Call) -> Mapping[str, Any]:  # noqa: ARG002
        """All stores."""
        items = [_store(store) for store in list(self._stores.values())]
        return {"KeyValueStoreList": {"MaxItems": 100, "Quantity": len(items), "Items": items}}

    # Keys.

    def get_key(self, call: Call) -> Mapping[str, Any]:
        """Raises ResourceNotFoundException."""
        store, key = self._store_of_keys(call), call.params["Key"]
        if key not in store.keys:
            raise AwsError("ResourceNotFoundException", f"Key {key} was not found.", 404)
        return {"Key": key, "Value": store.keys[key], **_sizes(store, with_etag=False)}

    def list_keys(self, call: Call) -> Mapping[str, Any]:
        """All keys."""
        return {"Items": [{"Key": key, "Value": value} for key, value in self._store_of_keys(call).keys.items()]}

    def put_key(self, call: Call) -> Mapping[str, Any]:
        """Raises ResourceNotFoundException and ConflictException."""
        return self._change(call, {call.params["Key"]: call.params["Value"]}, [])

    def delete_key(self, call: Call) -> Mapping[str, Any]:
        """Raises ResourceNotFoundException and ConflictException."""
        return self._change(call, {}, [call.params["Key"]])

    def update_keys(self, call: Call) -> Mapping[str, Any]:
        """Put and delete at once. Raises ResourceNotFoundException and ConflictException."""
        puts = {put["Key"]: put["Value"] for put in call.params.get("Puts") or []}
        return self._change(call, puts, [one["Key"] for one in call.params.get("Deletes") or []])

    def _change(self, call: Call, puts: Mapping[str, str], deletes: list[str]) -> Mapping[str, Any]:
        with self._functions_lock:
            store = self._store_of_keys(call)
            if call.params["IfMatch"] != store.keys_etag:
                raise AwsError("ConflictException", "The ETag is not that of the key value store.", 409)
            store.keys = {key: value for key, value in (store.keys | dict(puts)).items() if key not in deletes}
            store.keys_etag, store.changed = new_etag(), datetime.now(UTC)
            return _sizes(store)

    def _named_store(self, call: Call) -> KeyValueStore:
        store = self._stores.get(call.params["Name"])
        if store is None:
            raise AwsError("EntityNotFound", "The key value store does not exist.", 404)
        return store

    def _store_of_keys(self, call: Call) -> KeyValueStore:
        arn = call.params["KvsARN"]
        for store in list(self._stores.values()):
            if store.arn == arn:
                return store
        raise AwsError("ResourceNotFoundException", f"Key value store {arn} was not found.", 404)


def _summary(function: Function, name: str) -> dict[str, Any]:
    stage = _stage_of(function, name)
    live = function.stages.get("LIVE")
    is_published = live is not None and live.code == stage.code and live.config == stage.config
    return {
        "Name": function.name,
        "Status": "DEPLOYED" if is_published else "UNPUBLISHED",
        "FunctionConfig": stage.config,
        "FunctionMetadata": {
            "FunctionARN": function.arn,
            "Stage": name,
            "CreatedTime": function.created,
            "LastModifiedTime": stage.changed,
        },
    }


def _stage_of(function: Function, name: str) -> Stage:
    stage = function.stages.get(name)
    if stage is None:
        raise AwsError("NoSuchFunctionExists", "The function has not been published.", 404)
    return stage


def _store(store: KeyValueStore) -> dict[str, Any]:
    return {
        "Id": store.id,
        "Name": store.name,
        "Comment": store.comment,
        "ARN": store.arn,
        "Status": "READY",
        "LastModifiedTime": store.changed,
    }


def _sizes(store: KeyValueStore, *, with_etag: bool = True) -> dict[str, Any]:
    size = sum(len(key.encode()) + len(value.encode()) for key, value in store.keys.items())
    sizes: dict[str, Any] = {"ItemCount": len(store.keys), "TotalSizeInBytes": size}
    return sizes | ({"ETag": store.keys_etag} if with_etag else {})


def _associations(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list((config.get("KeyValueStoreAssociations") or {}).get("Items") or [])


def _match(call: Call, version: str) -> None:
    given = call.params.get("IfMatch")
    if not given:
        raise AwsError("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
    if given != version:
        raise AwsError("PreconditionFailed", "The request failed because it didn't meet the preconditions.", 412)
