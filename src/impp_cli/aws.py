"""AWS as the commands see it: one session, plain calls, and errors that say what they mean."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from functools import cached_property
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    ParamValidationError,
)
from botocore.exceptions import ConnectionError as NotConnected

from impp_cli.environments import Settings

_SETTINGS: Final[Mapping[str, Any]] = {
    "connect_timeout": 5,
    "read_timeout": 15,
    "retries": {"mode": "standard", "total_max_attempts": 3},
    "ignore_configured_endpoint_urls": True,  # the environment names its endpoint
}
CONFIG: Final = Config(**_SETTINGS)
"""A command answers within seconds where AWS cannot be reached."""

LOCAL_KEY: Final = "test"
"""Access key and secret of the local cloud's administrator. The user's own never go there."""


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
        "InvalidClientTokenId InvalidSignatureException InvalidToken MissingAuthenticationToken "
        "MissingAuthenticationTokenException RequestExpired SignatureDoesNotMatch TokenRefreshRequired "
        "UnrecognizedClientException",
        Kind.DENIED: "403 AccessDenied AccessDeniedException AuthorizationError AuthorizationErrorException "
        "NotAuthorized UnauthorizedOperation",
        Kind.MISSING: "404 NoSuchBucket NoSuchEntity NoSuchResourceException NotFound NotFoundException "
        "ParameterNotFound ResourceNotFoundException UnknownMonitorException",
        Kind.NOT_SERVED: "InvalidAction NotImplemented UnknownOperationException",
        Kind.NOT_SUBSCRIBED: "NotSignedUp OptInRequired SubscriptionRequiredException",
    }.items()
    for code in codes.split()
}

_ACTION: Final = re.compile(r"not authorized to perform: ([\w-]+:\w+)")
"""As in "User: arn:… is not authorized to perform: ce:GetAnomalyMonitors on resource: …"."""

ACTIONS: Final = {
    ("budgets", "DescribeBudget"): "budgets:ViewBudget",
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
}
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

    def client(self, service: str) -> Any:
        """boto3's client, for what `call` is no help with, such as the body of an object: use it within `explained`."""
        if self._failure is not None:
            raise self._failure
        with self.explained(service):
            return self._client(service, self.region)

    def invoke(self, function: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """What a function returns for a JSON object; an error document if it failed. Raises AwsError.

        It is sent once, and may take as long as functions do for a request.
        """
        with self.explained("lambda"):
            client = self.client("lambda") if self._create else self._patient_lambda
            answer = client.invoke(FunctionName=function, Payload=json.dumps(payload).encode())
            document: dict[str, Any] = json.loads(answer["Payload"].read())
        return document

    @cached_property
    def _patient_lambda(self) -> Any:
        create: Any = self._session.client
        return create(
            "lambda",
            region_name=self.region,
            endpoint_url=self._settings.endpoint_url,
            config=CONFIG.merge(Config(read_timeout=150, retries={"total_max_attempts": 1})),
        )

    @contextmanager
    def explained(self, service: str) -> Iterator[None]:
        """Raise AwsError for what the client of a service raises within the block."""
        try:
            yield
        except ClientError as error:
            raise self._refusal(service, error) from error
        except (HTTPClientError, NotConnected, IncompleteReadError) as error:
            raise AwsError(Kind.UNREACHABLE, str(error)) from error
        except (ChecksumError, FlexibleChecksumError) as error:
            raise AwsError(Kind.OTHER, str(error), "DamagedResponse", service) from error
        except ParamValidationError as error:  # such as the name of a bucket that no bucket can have
            raise AwsError(Kind.OTHER, str(error).partition("\n")[2] or str(error)) from error
        except BotoCoreError as error:  # no credentials, an expired SSO session, an unknown profile
            raise AwsError(Kind.CREDENTIALS, str(error)) from error

    def _call(self, service: str, region: str, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        with self.explained(service):
            client = self._client(service, region)
            if client.can_paginate(operation) and "MaxResults" not in parameters and "MaxItems" not in parameters:
                pages: dict[str, Any] = client.get_paginator(operation).paginate(**parameters).build_full_result()
                return pages
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
            return answer

    def _refusal(self, service: str, error: ClientError) -> AwsError:
        answer = error.response["Error"]
        code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
        model = self._client(service, self.region).meta.service_model
        action = ACTIONS.get((model.service_name, error.operation_name))
        named = _ACTION.search(message)
        kind = KINDS.get(code, Kind.OTHER)
        if code == "400" and error.operation_name.startswith("Head"):
            # It has no body, only "a generic code, such as 400 Bad Request" (S3, HeadObject). The request is right.
            kind, message = Kind.CREDENTIALS, f"{message}; S3 does not say why: as a rule they have expired"
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
        # Whoever sets a key by hand wants to be somebody in particular at the local cloud.
        if self.is_local and "AWS_ACCESS_KEY_ID" not in os.environ:
            return boto3.Session(aws_access_key_id=LOCAL_KEY, aws_secret_access_key=LOCAL_KEY)
        return boto3.Session(profile_name=self._settings.profile)
