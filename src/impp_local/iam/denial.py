"""How a denial reads, in AWS's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

from typing import Final

from impp_local.iam.evaluation import RESOURCE, Decision
from impp_local.iam.need import Need
from impp_local.iam.policies import Caller
from impp_local.kernel.contract import AwsError

_ARTICLE: Final = {"i": "an"}
_QUERY: Final = {"cloudfront", "cloudwatch", "iam", "s3", "s3control", "sqs", "sts"}
"""Services whose code is AccessDenied; those that speak JSON have AccessDeniedException."""


def message(caller: Caller, need: Need, decision: Decision) -> str:
    """Who may not do what, and which kind of policy is the reason."""
    who = caller.arn or caller.service or "anonymous"
    service = need.action.partition(":")[0]
    action = need.action
    if service == "sns":
        action = f"SNS:{need.action.partition(':')[2]}"
    elif service == "sqs":
        action = need.action.lower()
    resource = f'"{need.resource}"' if service == "s3" else need.resource
    what = action if need.resource == "*" else f"{action} on resource: {resource}"
    kind = "role trust policy" if decision.kind == RESOURCE and service == "sts" else decision.kind
    if decision.is_explicit:
        reason = f"with an explicit deny in {_ARTICLE.get(kind[0], 'a')} {kind}"
    else:
        reason = f"because no {kind} allows the {action} action"
    return f"User: {who} is not authorized to perform: {what} {reason}"


def error(service: str, caller: Caller, need: Need, decision: Decision) -> AwsError:
    """The error that a service (botocore's name) answers. To strangers S3 says `Access Denied` only."""
    if service == "s3" and not caller.arn:
        return AwsError("AccessDenied", "Access Denied", 403)
    code = (
        "AuthorizationError" if service == "sns" else "AccessDenied" if service in _QUERY else "AccessDeniedException"
    )
    return AwsError(code, message(caller, need, decision), 403 if code != "AccessDeniedException" else 400)


def unknown_key(service: str, access_key: str) -> AwsError:
    """The error for an access key that nobody has."""
    if service == "s3":
        message = "The AWS Access Key Id you provided does not exist in our records."
        return AwsError("InvalidAccessKeyId", message, 403, AWSAccessKeyId=access_key)
    code = "InvalidClientTokenId" if service in _QUERY | {"sns"} else "UnrecognizedClientException"
    return AwsError(code, "The security token included in the request is invalid.", 403)
