"""Application Auto Scaling, with the tags of scalable targets, which moto's lacks. Nothing scales here.

Can go when moto has ListTagsForResource, TagResource and UntagResource.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from impp_local.kernel.contract import AwsError, Call, Cloud, Response, Service
from impp_local.kernel.defaults import ACCOUNT


class ApplicationAutoscaling(Service):
    """Tags by the ARN of a scalable target."""

    name = "application-autoscaling"
    kept = ("_tags",)

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}
        self._lock = threading.RLock()

    def register_scalable_target(self, call: Call) -> Response:
        """moto's; tags are those of a new target, and TagResource's for an existing one."""
        response = call.forward()
        params = call.params
        if response.status < 300 and params.get("Tags"):
            dimension, resource = params["ScalableDimension"], params["ResourceId"]
            with self._lock:
                self._tags[_backend(call.region).targets[dimension][resource].arn] = dict(params["Tags"])
        return response

    def list_tags_for_resource(self, call: Call) -> Mapping[str, Any]:
        """The tags of a target."""
        with self._lock:
            return {"Tags": self._tags.get(_known(call), {})}

    def tag_resource(self, call: Call) -> None:
        """Add tags to a target."""
        with self._lock:
            self._tags.setdefault(_known(call), {}).update(call.params["Tags"])

    def untag_resource(self, call: Call) -> None:
        """Remove tags from a target."""
        with self._lock:
            tags = self._tags.get(_known(call), {})
            for key in call.params["TagKeys"]:
                tags.pop(key, None)


def create(cloud: Cloud) -> Service:  # noqa: ARG001
    """The service."""
    return ApplicationAutoscaling()


def _backend(region: str) -> Any:
    from moto.applicationautoscaling.models import applicationautoscaling_backends

    return applicationautoscaling_backends[ACCOUNT][region]


def _known(call: Call) -> str:
    """The ARN in a call. Raises ResourceNotFoundException for one that is no target's."""
    arn = str(call.params["ResourceARN"])
    targets = _backend(call.region).targets
    if all(target.arn != arn for by_id in targets.values() for target in by_id.values()):
        raise AwsError("ResourceNotFoundException", f"No scalable target has the ARN {arn}")
    return arn
