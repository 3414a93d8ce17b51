"""Whether an original can be read: at once, as a restored copy, or only after a restore."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from impp_lambdas.core.intake.object_head import ARCHIVES

READABLE, RESTORED, RESTORING, ARCHIVED, GONE = "readable", "restored", "restoring", "archived", "gone"


@dataclass(frozen=True)
class Availability:
    """`state` is one of the constants; `archive` the storage class, or tier of Intelligent-Tiering; `until` when a
    restored copy expires, as S3 writes it."""

    state: str
    archive: str = ""
    until: str = ""

    @property
    def is_readable(self) -> bool:
        """Whether its bytes can be read now."""
        return self.state in (READABLE, RESTORED)


def of(head: Mapping[str, Any] | None) -> Availability:
    """The availability by HeadObject's response, None for a missing object.

    S3's API reference, HeadObject: `Restore` is `ongoing-request="true"`, or `ongoing-request="false",
    expiry-date="Fri, 21 Dec 2012 00:00:00 GMT"` while a restored copy exists.
    """
    if head is None:
        return Availability(GONE)
    archive = str(head.get("ArchiveStatus") or head.get("StorageClass") or "STANDARD")
    if archive not in ARCHIVES:
        return Availability(READABLE, archive)
    restore = str(head.get("Restore") or "")
    if 'ongoing-request="true"' in restore:
        return Availability(RESTORING, archive)
    if 'ongoing-request="false"' in restore:
        expiry = re.search(r'expiry-date="([^"]*)"', restore)
        return Availability(RESTORED, archive, expiry[1] if expiry else "")
    return Availability(ARCHIVED, archive)
