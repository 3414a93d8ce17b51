"""How a denial reads, in AWS's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from impp_local.iam.evaluation import RESOURCE, Decision
from impp_local.iam.need import Need
from impp_local.iam.policies import Caller
from impp_local.kernel.contract import AwsError

_ARTICLE: Final = {"i": "an"}
_QUERY: Final = {"cloudfront", "cloudwatch", "iam", "s3", "s3control", "sqs", "sts"}
"""Services whose code is AccessDenied; those that speak JSON have AccessDeniedException."""
_S3: Final = {"s3", "s3control"}
_BASIC: Final = "%Y%m%dT%H%M%SZ"


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


def wrong_signature(service: str, access_key: str, to_sign: str, signature: str) -> AwsError:
    """The error for a signature of another key or another request."""
    reason = "The request signature we calculated does not match the signature you provided. Check your "
    if service in _S3:
        members = {"AWSAccessKeyId": access_key, "StringToSign": to_sign, "SignatureProvided": signature}
        return AwsError("SignatureDoesNotMatch", f"{reason}key and signing method.", 403, **members)
    reason += "AWS Secret Access Key and signing method. Consult the service documentation for details."
    return AwsError(_signature_code(service), reason, 403)


def skewed(service: str, time: datetime, now: datetime, skew: timedelta) -> AwsError:
    """The error for a client whose clock is off. (Wording: S3's "Error responses"; others as in boto/botocore#149.)"""
    if service in _S3:
        message = "The difference between the request time and the current time is too large."
        times = {"RequestTime": f"{time:{_BASIC}}", "ServerTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
        most = str(int(skew.total_seconds() * 1000))
        return AwsError("RequestTimeTooSkewed", message, 403, **times, MaxAllowedSkewMilliseconds=most)
    is_past = time < now
    bound = now - skew if is_past else now + skew
    verb, sign = (
        ("Signature expired: {} is now earlier than", "-")
        if is_past
        else ("Signature not yet current: {} is still later than", "+")
    )
    minutes = f"({now:{_BASIC}} {sign} {skew.total_seconds() / 60:.0f} min.)"
    message = f"{verb.format(f'{time:{_BASIC}}')} {bound:{_BASIC}} {minutes}"
    return AwsError(_signature_code(service), message, 403)


def malformed_signature(service: str) -> AwsError:
    """The error for a request whose signature cannot be read."""
    if service in _S3:
        return AwsError("AuthorizationHeaderMalformed", "The authorization header is malformed.", 400)
    code = "IncompleteSignature" if service in _QUERY | {"sns"} else "IncompleteSignatureException"
    return AwsError(code, "The request signature does not conform to AWS standards.", 400)


def _signature_code(service: str) -> str:
    return "SignatureDoesNotMatch" if service in _QUERY | {"sns"} else "InvalidSignatureException"
