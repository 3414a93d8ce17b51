"""CloudFront's control plane: distributions and what they refer to, kept as they were configured.

All kinds of resources have the same life (Create, Get, Get…Config, Update and Delete under an ETag, List), so they
share one implementation. moto has distributions too, but drops parts of their configuration and lacks response headers
policies and changes of keys.

What viewers get is in `impp_local.services.cloudfront.cdn`.
"""

from __future__ import annotations

import random
import re
import string
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from impp_local.kernel.contract import AwsError, Call, Response
from impp_local.kernel.defaults import ACCOUNT
from impp_local.services.cloudfront.functions import EdgeFunctions


def _code(prefix: str, length: int = 13) -> str:
    return prefix + "".join(random.choices(string.ascii_uppercase + string.digits, k=length))  # noqa: S311  # an id


@dataclass(frozen=True)
class Kind:
    """How a kind of resource is called in the API, and in its errors."""

    name: str
    missing: str
    in_use: str
    new_id: Callable[[], str]
    moment: str | None = "LastModifiedTime"
    plural: str = ""

    @property
    def config(self) -> str:
        """The member that holds the configuration."""
        return f"{self.name}Config"

    def __reduce__(self) -> tuple[Callable[[str], Kind], tuple[str]]:
        return _kind, (self.name,)


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("Distribution", "NoSuchDistribution", "ResourceInUse", lambda: _code("E")),
        Kind("OriginAccessControl", "NoSuchOriginAccessControl", "OriginAccessControlInUse", lambda: _code("E"), None),
        Kind("PublicKey", "NoSuchPublicKey", "PublicKeyInUse", lambda: _code("K"), "CreatedTime"),
        Kind("KeyGroup", "NoSuchResource", "ResourceInUse", lambda: str(uuid.uuid4())),
        Kind(
            "ResponseHeadersPolicy",
            "NoSuchResponseHeadersPolicy",
            "ResponseHeadersPolicyInUse",
            lambda: str(uuid.uuid4()),
            plural="ResponseHeadersPolicies",
        ),
    )
}
_PLURALS: Final = {kind.plural or f"{kind.name}s": kind for kind in KINDS.values()}
_OPERATION: Final = re.compile(r"(Create|Get|Update|Delete)(" + "|".join(KINDS) + r")(Config|WithTags)?")


def _kind(name: str) -> Kind:
    return KINDS[name]


@dataclass
class Resource:
    """One resource: its id, configuration, version (ETag) and tags."""

    kind: Kind
    id: str
    config: dict[str, Any]
    etag: str = field(default_factory=lambda: _code("E"))
    changed: datetime = field(default_factory=lambda: datetime.now(UTC))
    tags: dict[str, str] = field(default_factory=dict)
    domain: str = ""

    @property
    def arn(self) -> str:
        """ARN, for tags."""
        return f"arn:aws:cloudfront::{ACCOUNT}:{self.kind.name.lower()}/{self.id}"


class CloudFront(EdgeFunctions):
    """The resources of all kinds, by id."""

    name = "cloudfront"
    kept: ClassVar[tuple[str, ...]] = ("_functions", "_resources", "_stores")

    def __init__(self) -> None:
        super().__init__()
        self._resources: dict[str, Resource] = {}
        self._lock = threading.RLock()

    def handler(self, operation: str) -> Callable[[Call], Mapping[str, Any] | Response | None] | None:
        """Operations are read from their names: verb, kind, and what of it."""
        match = _OPERATION.fullmatch(operation)
        if match:
            verb, kind, part = match[1], KINDS[match[2]], match[3] or ""
            method = getattr(self, f"_{verb.lower()}")
            return lambda call: method(kind, part, call)
        if operation.startswith("List") and operation[4:] in _PLURALS:
            return lambda call: self._list(_PLURALS[operation[4:]], call)
        return super().handler(operation)

    # For those who serve viewers.

    def resource(self, resource_id: str) -> Resource | None:
        """A resource by id."""
        return self._resources.get(resource_id)

    def distribution_of(self, host: str) -> Resource | None:
        """The distribution that serves a host name: its own domain, or an alias."""
        for distribution in self._of_kind(KINDS["Distribution"]):
            if host in (distribution.domain, *_items(distribution.config.get("Aliases"))):
                return distribution
        return None

    def function_in_use(self, arn: str) -> bool:
        """Whether a distribution refers to it."""
        return any(
            one["FunctionARN"] == arn
            for distribution in self._of_kind(KINDS["Distribution"])
            for behavior in _behaviors(distribution.config)
            for one in _items(behavior.get("FunctionAssociations"))
        )

    def create_invalidation(self, call: Call) -> Mapping[str, Any]:
        """Nothing is cached here, so an invalidation has ended when it begins."""
        self._get_resource(KINDS["Distribution"], call.params["DistributionId"])
        described = {"Id": _code("I"), "Status": "Completed", "CreateTime": datetime.now(UTC)}
        return {"Invalidation": described | {"InvalidationBatch": call.params["InvalidationBatch"]}}

    # Tags.

    def list_tags_for_resource(self, call: Call) -> Mapping[str, Any] | Response:
        """Tags by ARN; of what moto keeps, moto's."""
        resource = self._by_arn(call.params["Resource"])
        if resource is None:
            return call.forward()
        return {"Tags": {"Items": [{"Key": key, "Value": value} for key, value in resource.tags.items()]}}

    def tag_resource(self, call: Call) -> Response | None:
        """Add tags."""
        resource = self._by_arn(call.params["Resource"])
        if resource is None:
            return call.forward()
        resource.tags.update(_tags(call.params["Tags"]))
        return None

    def untag_resource(self, call: Call) -> Response | None:
        """Take tags away."""
        resource = self._by_arn(call.params["Resource"])
        if resource is None:
            return call.forward()
        for key in call.params["TagKeys"].get("Items", []):
            resource.tags.pop(key, None)
        return None

    # The life of a resource.

    def _create(self, kind: Kind, part: str, call: Call) -> Mapping[str, Any]:
        if part == "WithTags":
            tagged = call.params["DistributionConfigWithTags"]
            config, tags = tagged["DistributionConfig"], _tags(tagged.get("Tags"))
        else:
            config, tags = call.params[kind.config], {}
        with self._lock:
            self._check(kind, config)
            existing = self._same_reference(kind, config)
            if existing is not None:
                return self._response(existing)
            resource = Resource(kind, kind.new_id(), _with_defaults(kind, config), tags=tags)
            if kind.name == "Distribution":
                resource.domain = f"{_code('d').lower()}.cloudfront.net"
            self._resources[resource.id] = resource
        return {**self._response(resource), "Location": f"https://cloudfront.amazonaws.com/2020-05-31/{resource.id}"}

    def _get(self, kind: Kind, part: str, call: Call) -> Mapping[str, Any]:
        resource = self._get_resource(kind, call.params["Id"])
        return {kind.config: resource.config, "ETag": resource.etag} if part == "Config" else self._response(resource)

    def _update(self, kind: Kind, _part: str, call: Call) -> Mapping[str, Any]:
        with self._lock:
            resource = self._matching(kind, call)
            self._check(kind, call.params[kind.config])
            resource.config = _with_defaults(kind, call.params[kind.config])
            resource.etag, resource.changed = _code("E"), datetime.now(UTC)
            return self._response(resource)

    def _delete(self, kind: Kind, _part: str, call: Call) -> None:
        with self._lock:
            resource = self._matching(kind, call)
            if resource.config.get("Enabled"):
                raise AwsError("DistributionNotDisabled", "The distribution you are trying to delete is enabled.", 409)
            if any(resource.id in _references(other) for other in self._resources.values()):
                raise AwsError(kind.in_use, "Cannot delete this resource because it is in use.", 409)
            del self._resources[resource.id]

    def _list(self, kind: Kind, _call: Call) -> Mapping[str, Any]:
        with self._lock:
            summaries = [_summary(one, self._description(one)) for one in self._of_kind(kind)]
        listed: dict[str, Any] = {"MaxItems": 100, "Quantity": len(summaries), "Items": summaries}
        if kind.name in ("Distribution", "OriginAccessControl"):
            listed |= {"Marker": "", "IsTruncated": False}
        return {f"{kind.name}List": listed}

    def _response(self, resource: Resource) -> dict[str, Any]:
        return {resource.kind.name: self._description(resource), "ETag": resource.etag}

    def _description(self, resource: Resource) -> dict[str, Any]:
        described: dict[str, Any] = {"Id": resource.id, resource.kind.config: resource.config}
        if resource.kind.moment:
            described[resource.kind.moment] = resource.changed
        if resource.kind.name == "Distribution":
            described |= {
                "ARN": resource.arn,
                # There are no edge locations to wait for: a distribution is deployed as soon as it is known.
                "Status": "Deployed",
                "InProgressInvalidationBatches": 0,
                "DomainName": resource.domain,
                "ActiveTrustedSigners": {"Enabled": False, "Quantity": 0},
                "ActiveTrustedKeyGroups": self._active_groups(resource),
            }
        return described

    def _active_groups(self, distribution: Resource) -> dict[str, Any]:
        behaviors = _behaviors(distribution.config)
        groups = dict.fromkeys(group for one in behaviors for group in _items(one.get("TrustedKeyGroups")))
        active = []
        for group in groups:
            keys = list(self._resources[group].config["Items"]) if group in self._resources else []
            active.append({"KeyGroupId": group, "KeyPairIds": {"Quantity": len(keys), "Items": keys}})
        return {"Enabled": bool(active), "Quantity": len(active), "Items": active}

    def _of_kind(self, kind: Kind) -> list[Resource]:
        return [one for one in list(self._resources.values()) if one.kind is kind]

    def _get_resource(self, kind: Kind, resource_id: str) -> Resource:
        resource = self._resources.get(resource_id)
        if resource is None or resource.kind is not kind:
            raise AwsError(kind.missing, f"The specified {kind.name} does not exist.", 404)
        return resource

    def _matching(self, kind: Kind, call: Call) -> Resource:
        resource = self._get_resource(kind, call.params["Id"])
        version = call.params.get("IfMatch")
        if not version:
            raise AwsError("InvalidIfMatchVersion", "The If-Match version is missing or not valid for the resource.")
        if version != resource.etag:
            raise AwsError("PreconditionFailed", "The request failed because it didn't meet the preconditions.", 412)
        return resource

    def _by_arn(self, arn: str) -> Resource | None:
        return next((one for one in list(self._resources.values()) if one.arn == arn), None)

    def _same_reference(self, kind: Kind, config: Mapping[str, Any]) -> Resource | None:
        """A repeated creation (same CallerReference and configuration) is answered as the first; others clash."""
        reference, name = config.get("CallerReference"), config.get("Name")
        for one in self._of_kind(kind):
            if reference and one.config.get("CallerReference") == reference:
                if one.config == _with_defaults(kind, config):
                    return one
                raise AwsError(f"{kind.name}AlreadyExists", "The caller reference is in use already.", 409)
            if name and one.config.get("Name") == name:
                raise AwsError(f"{kind.name}AlreadyExists", f"The name {name} is in use already.", 409)
        return None

    def _check(self, kind: Kind, config: Mapping[str, Any]) -> None:
        """Raises AwsError for references to what does not exist, and for keys that are none."""
        probe = Resource(kind, "", dict(config))
        if kind.name == "Distribution":
            for behavior in _behaviors(config):
                for one in _items(behavior.get("FunctionAssociations")):
                    self.live(one["FunctionARN"])
        for reference in _references(probe):
            if reference not in self._resources and not _managed(reference):
                code = "TrustedKeyGroupDoesNotExist" if kind.name == "Distribution" else "InvalidArgument"
                raise AwsError(code, f"{reference} does not exist.", 400)
        if kind.name == "PublicKey":
            _check_key(config["EncodedKey"])


def _check_key(pem: str) -> None:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except ValueError:
        key = None
    is_usable = (isinstance(key, RSAPublicKey) and key.key_size == 2048) or (
        isinstance(key, EllipticCurvePublicKey) and key.curve.name == "secp256r1"
    )
    if not is_usable:
        raise AwsError("InvalidArgument", "Your request contains empty/invalid/out of limits RSA Encoded Key", 400)


def _references(resource: Resource) -> Iterator[str]:
    """Ids of the resources that a resource refers to."""
    if resource.kind.name == "KeyGroup":
        yield from resource.config.get("Items") or []
    if resource.kind.name != "Distribution":
        return
    for origin in _items(resource.config.get("Origins")):
        if origin.get("OriginAccessControlId"):
            yield origin["OriginAccessControlId"]
    for behavior in _behaviors(resource.config):
        yield from _items(behavior.get("TrustedKeyGroups"))
        if behavior.get("ResponseHeadersPolicyId"):
            yield behavior["ResponseHeadersPolicyId"]


def _behaviors(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The cache behaviors of a distribution, the default one last."""
    return [*_items(config.get("CacheBehaviors")), config["DefaultCacheBehavior"]]


def _managed(reference: str) -> bool:
    """Whether an id is one of AWS's managed response headers policies, which exist in every account."""
    return reference in {
        "67f7725c-6f97-4210-82d7-5512b31e9d03",  # SecurityHeadersPolicy
        "60669652-455b-4ae9-85a4-c4c02393f86c",  # SimpleCORS
        "5cc3b908-e619-4b99-88e5-2cf7f45965bd",  # CORS-With-Preflight
        "e61eb60c-9c35-4d20-a928-2b84e02af89c",  # CORS-and-SecurityHeadersPolicy
        "eaab4381-ed33-4a86-88ca-d9558dc6cd63",  # CORS-with-preflight-and-SecurityHeadersPolicy
    }


def _items(listed: Mapping[str, Any] | None) -> list[Any]:
    """Elements of CloudFront's `{Quantity, Items}`."""
    return list((listed or {}).get("Items") or [])


def _tags(listed: Mapping[str, Any] | None) -> dict[str, str]:
    return {tag["Key"]: tag.get("Value", "") for tag in _items(listed)}


def _with_defaults(kind: Kind, config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with the lists that CloudFront always returns."""
    full = dict(config)
    if kind.name == "Distribution":
        none: dict[str, Any] = {"Quantity": 0}
        full = {"Aliases": none, "CacheBehaviors": none, "CustomErrorResponses": none, "OriginGroups": none, **full}
        full.setdefault("Staging", False)
        full.setdefault("Logging", {"Enabled": False, "IncludeCookies": False, "Bucket": "", "Prefix": ""})
        full.setdefault("WebACLId", "")
    return full


def _summary(resource: Resource, described: Mapping[str, Any]) -> dict[str, Any]:
    if resource.kind.name == "KeyGroup":
        return {"KeyGroup": described}
    if resource.kind.name == "ResponseHeadersPolicy":
        return {"Type": "custom", "ResponseHeadersPolicy": described}
    return {**resource.config, **described}
