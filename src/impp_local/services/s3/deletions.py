"""DeleteObjects: each key is judged by itself, and one that may not be deleted is an error beside the others.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html ("Permissions", "Response Elements")
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import xmltodict  # type: ignore[import-untyped]

from impp_local.iam import enforcement, s3_needs
from impp_local.kernel.contract import AwsError, Response
from impp_local.services.s3.events import S3Events

if TYPE_CHECKING:
    from impp_local.services.s3.exchange import Exchange

_NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"


def delete_objects(exchange: Exchange, publisher: S3Events) -> Response:
    """Delete what the caller may delete, and publish the events. Raises AwsError MalformedXML."""
    listed = s3_needs.deletions(exchange.call)
    refusals = enforcement.refusals(exchange.call, [need for _, need in listed])
    allowed = [entry for (entry, _), refusal in zip(listed, refusals, strict=True) if refusal is None]
    errors = [
        _error(entry, refusal) for (entry, _), refusal in zip(listed, refusals, strict=True) if refusal is not None
    ]
    deleted: list[Mapping[str, Any]] = []
    if allowed or not listed:
        document = {"Delete": {"@xmlns": _NAMESPACE, "Object": allowed}}
        exchange.verified = replace(exchange.verified, payload=xmltodict.unparse(document).encode())
        response = exchange.forward()
        if response.status >= 300:
            return response
        text: bytes = bytes(response.body)  # type: ignore[arg-type]
        answer = xmltodict.parse(text, force_list=("Deleted", "Error"), strip_whitespace=False)
        result = answer.get("DeleteResult") or {}
        deleted, errors = result.get("Deleted") or [], [*(result.get("Error") or []), *errors]
    for entry in deleted:
        is_marker = entry.get("DeleteMarker") == "true" and not entry.get("VersionId")
        version = entry.get("DeleteMarkerVersionId") or entry.get("VersionId")
        publisher.deleted(entry["Key"], version, is_marker, "DeleteObjects")
    shown = [] if s3_needs.is_quiet(exchange.call) else deleted
    body = xmltodict.unparse({"DeleteResult": {"@xmlns": _NAMESPACE, "Deleted": shown, "Error": errors}})
    return Response(200, {"Content-Type": "application/xml"}, body.encode())


def _error(entry: Mapping[str, Any], refusal: AwsError) -> dict[str, Any]:
    version = {"VersionId": entry["VersionId"]} if entry.get("VersionId") else {}
    return {"Key": entry["Key"], **version, "Code": refusal.code, "Message": refusal.message}
