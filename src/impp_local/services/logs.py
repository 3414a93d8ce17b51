"""CloudWatch Logs' saved queries (query definitions), which moto lacks; can go when moto has PutQueryDefinition."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from impp_local.kernel.contract import AwsError, Call, Cloud, Service


class Logs(Service):
    """Saved queries; all else of CloudWatch Logs is moto's."""

    name = "logs"

    def __init__(self) -> None:
        self._saved: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def put_query_definition(self, request: Call) -> Mapping[str, Any]:
        """Save a query, or replace the one whose id is given. Raises ResourceNotFoundException."""
        asked = request.params
        with self._lock:
            made = asked.get("queryDefinitionId")
            if made and made not in self._saved:
                raise AwsError("ResourceNotFoundException", f"No query definition {made}")
            made = made or str(uuid.uuid4())
            self._saved[made] = {
                "queryDefinitionId": made,
                "name": asked["name"],
                "queryString": asked["queryString"],
                "queryLanguage": asked.get("queryLanguage", "CWLI"),
                "logGroupNames": asked.get("logGroupNames", []),
                "lastModified": int(time.time() * 1000),
            }
        return {"queryDefinitionId": made}

    def describe_query_definitions(self, request: Call) -> Mapping[str, Any]:
        """Saved queries whose name begins with the given prefix, by name."""
        prefix = request.params.get("queryDefinitionNamePrefix", "")
        with self._lock:
            found = [saved for saved in self._saved.values() if saved["name"].startswith(prefix)]
        return {"queryDefinitions": sorted(found, key=lambda saved: str(saved["name"]))}

    def delete_query_definition(self, request: Call) -> Mapping[str, Any]:
        """Forget a saved query. Raises ResourceNotFoundException."""
        with self._lock:
            if self._saved.pop(request.params["queryDefinitionId"], None) is None:
                raise AwsError("ResourceNotFoundException", "The query definition does not exist")
        return {"success": True}


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is here
    """Called by the gateway at the first request for CloudWatch Logs."""
    return Logs()
