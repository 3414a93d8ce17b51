"""AWS as the commands see it: one session, plain calls, and errors that say what they mean."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from impp_cli.environments import Settings

CONFIG: Final = Config(connect_timeout=5, read_timeout=15, retries={"mode": "standard", "total_max_attempts": 3})
"""A command answers within seconds where AWS cannot be reached."""


class Kind(Enum):
    """What an error means to the person at the keyboard."""

    CREDENTIALS = auto()  # none, invalid or expired
    DENIED = auto()
    MISSING = auto()
    NOT_SERVED = auto()  # the local cloud has no such operation
    NOT_SUBSCRIBED = auto()  # the account may not use the service, or not yet
    UNREACHABLE = auto()
    OTHER = auto()


# Codes of AWS's "Common error types" page (identical in each service's API reference) and of the services' own models.
KINDS: Final[Mapping[str, Kind]] = {
    code: kind
    for kind, codes in {
        Kind.CREDENTIALS: "AuthFailure ExpiredToken ExpiredTokenException IncompleteSignature InvalidAccessKeyId "
        "InvalidClientTokenId InvalidSignatureException RequestExpired SignatureDoesNotMatch "
        "UnrecognizedClientException",
        Kind.DENIED: "403 AccessDenied AccessDeniedException AuthorizationError AuthorizationErrorException "
        "NotAuthorized UnauthorizedOperation",
        Kind.MISSING: "404 NoSuchBucket NoSuchEntity NoSuchResourceException NotFound NotFoundException "
        "ResourceNotFoundException UnknownMonitorException",
        Kind.NOT_SERVED: "InvalidAction NotImplemented UnknownOperationException",
        Kind.NOT_SUBSCRIBED: "NotSignedUp OptInRequired SubscriptionRequiredException",
    }.items()
    for code in codes.split()
}

_ACTION: Final = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
"""As in "User: arn:… is not authorized to perform: ce:GetAnomalyMonitors on resource: …"."""

ACTIONS: Final = {("budgets", "DescribeBudget"): "budgets:ViewBudget", ("s3", "HeadBucket"): "s3:ListBucket"}
"""IAM actions that are not named like the operation (Service Authorization Reference)."""


class AwsError(Exception):
    """AWS's answer, or the lack of one. `message` is AWS's own, `action` the IAM action of the call."""

    def __init__(self, kind: Kind, message: str, code: str = "", action: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.code = code
        self.action = action


class Account:
    """An account in one region. Calls are safe from several threads; nothing is requested before the first.

    `create_client` is boto3's, which tests replace by one whose answers they choose.
    """

    def __init__(self, region: str, settings: Settings, create_client: Callable[[str, str], Any] | None = None) -> None:
        self.region = region
        self.is_local = settings.endpoint_url is not None
        self.profile = settings.profile
        self._settings = settings
        self._create = create_client
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._failure: AwsError | None = None

    def session_region(self) -> str | None:
        """The region of the shell or the profile, which `aws` commands use."""
        try:
            return self._session.region_name
        except BotoCoreError:
            return None

    def identity(self) -> tuple[str, str]:
        """The id of the account, and the ARN of the caller. Raises AwsError, as every later call then does at once.

        STS is asked where credentials always work: its endpoint in a region that the account has not enabled answers
        InvalidClientTokenId, as for a wrong key (IAM user guide, "Activate and deactivate AWS STS").
        """
        is_apart = self.region.startswith(("cn-", "us-gov-", "us-iso"))
        try:
            caller = self._call("sts", self.region if is_apart else "us-east-1", "get_caller_identity", {})
        except AwsError as error:
            self._failure = error
            raise
        return str(caller["Account"]), str(caller["Arn"])

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """The answer of an operation, in boto3's spelling; all pages of those that have several. Raises AwsError."""
        if self._failure is not None:
            raise self._failure
        return self._call(service, self.region, operation, parameters)

    def _call(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        try:
            client = self._client(service, region)
            if client.can_paginate(operation) and "MaxResults" not in parameters and "MaxItems" not in parameters:
                pages: dict[str, Any] = client.get_paginator(operation).paginate(**parameters).build_full_result()
                return pages
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
            return answer
        except ClientError as error:
            raise self._refusal(client, error) from error
        except (HTTPClientError, NotConnected) as error:
            raise AwsError(Kind.UNREACHABLE, str(error)) from error
        except BotoCoreError as error:  # no credentials, an expired SSO session, an unknown profile
            raise AwsError(Kind.CREDENTIALS, str(error)) from error

    def _refusal(self, client: Any, error: ClientError) -> AwsError:
        answer = error.response["Error"]
        code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
        model = client.meta.service_model
        action = ACTIONS.get((model.service_name, error.operation_name))
        named = _ACTION.search(message)
        kind = KINDS.get(code, Kind.OTHER)
        if kind is Kind.NOT_SERVED and not self.is_local:
            kind = Kind.OTHER
        return AwsError(
            kind, message, code, named[1] if named else action or f"{model.signing_name}:{error.operation_name}"
        )

    def _client(self, service: str, region: str) -> Any:
        with self._lock:  # creating clients of one session is not thread-safe (boto3 guide, "Clients")
            if service not in self._clients:
                self._clients[service] = (self._create or self._of_boto3)(service, region)
            return self._clients[service]

    def _of_boto3(self, service: str, region: str) -> Any:
        create: Any = self._session.client
        return create(service, region_name=region, endpoint_url=self._settings.endpoint_url, config=CONFIG)

    @cached_property
    def _session(self) -> boto3.Session:
        return boto3.Session(profile_name=self._settings.profile)
