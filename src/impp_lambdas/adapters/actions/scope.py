"""What every action needs: the settings, the request, and an asset with its original."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from impp_lambdas.adapters import catalog, s3
from impp_lambdas.core.actions import availability
from impp_lambdas.core.intake.originals import Original

if TYPE_CHECKING:
    from impp_lambdas.adapters.settings import Settings
    from impp_lambdas.core.actions.availability import Availability
    from impp_lambdas.core.actions.request import Options, Request


@dataclass(frozen=True)
class Scope:
    """A request on its way through its assets."""

    settings: Settings
    request: Request
    now: datetime

    @property
    def options(self) -> Options:
        """The options of the request."""
        return self.request.options

    def look(self, asset: str) -> tuple[dict[str, Any] | None, Availability | None]:
        """The catalog item of an asset and where its original is; None for both without an item."""
        item = catalog.asset(self.settings.catalog_table, asset)
        if item is None or not item.get("key"):
            return None, None
        original = original_of(item)
        return item, availability.of(s3.head(original.bucket, original.key, original.version))


def original_of(item: Mapping[str, Any]) -> Original:
    """The object version that an asset was made from."""
    return Original(str(item["bucket"]), str(item["key"]), str(item.get("version") or ""))
