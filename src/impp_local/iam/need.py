"""One thing that a caller must be allowed to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from impp_local.iam.matching import Context


@dataclass(frozen=True)
class Need:
    """An action (`s3:GetObject`) on a resource (its ARN, or `*`), with the request's condition keys in lower case."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)
