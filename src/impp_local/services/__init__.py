"""AWS services of our own: one module or package each, named like botocore's service, with a function `create(cloud)`.

A service is made at its first request, so that one which nobody calls costs no time and no memory. Those that act
before that (they change moto, are targets of events or answer viewers) start with the cloud. Step Functions, whose
parser takes a quarter of a second to import, does so only with a folder that has state machines.
"""

from __future__ import annotations

import importlib
import importlib.util
import keyword
import re
from collections.abc import Iterator
from typing import Any, Final

from impp_local.kernel.contract import Cloud, Lazy, Service
from impp_local.kernel.jobs import are_under_way
from impp_local.services import stepfunctions

STARTED_WITH_THE_CLOUD: Final = ("sqs", "sns", "events", "lambda", "s3", "dynamodb", "cloudfront")

WITH_JOBS: Final = ("mediaconvert", "transcribe", "rekognition", "sagemaker")
"""Those that also start with the cloud when they have jobs to continue."""

PART_OF: Final = {"cloudfront-keyvaluestore": "cloudfront", "sagemaker-runtime": "sagemaker"}
"""APIs that another service's module answers."""


class Services:
    """The services of a cloud by botocore's names."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._services = Lazy(self._create)

    def __call__(self, name: str) -> Service | None:
        """The service, made on first use; None where only moto has it."""
        service: Service | None = self._services(PART_OF.get(name, name))
        return service

    def __iter__(self) -> Iterator[Service]:
        """The services that were made so far."""
        return (service for service in self._services.values() if service is not None)

    def start(self) -> None:
        """Make the services that start with the cloud."""
        for name in STARTED_WITH_THE_CLOUD:
            self(name)
        if stepfunctions.is_in_use(self._cloud):
            self(stepfunctions.NAME)

    def resume(self) -> None:
        """Continue what was under way when the cloud last stopped."""
        for name in WITH_JOBS:
            if are_under_way(self._cloud.store, name):
                self(name)
        for service in self:
            service.resume()

    def suspend(self) -> None:
        """Leave what is under way for the next start."""
        for service in self:
            service.suspend()

    def close(self) -> None:
        """Close the services that were made, the last one first: it may use those before it."""
        for service in reversed(list(self)):
            service.close()

    def _create(self, name: str) -> Service | None:
        module = f"{__name__}.{name.replace('-', '_')}" + ("_" if keyword.iskeyword(name) else "")
        if not re.fullmatch(r"[a-z0-9-]+", name) or importlib.util.find_spec(module) is None:
            return None
        service: Service = importlib.import_module(module).create(self._cloud)
        if service.kept:
            vars(service).update(self._cloud.resources.keep(name, lambda: _kept(service)))
        service.start()
        return service


def _kept(service: Service) -> dict[str, Any]:
    return {attribute: getattr(service, attribute) for attribute in service.kept}
