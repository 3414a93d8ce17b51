"""CloudWatch Logs' saved queries (query definitions), which moto lacks; can go when moto has PutQueryDefinition."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from impp_local.kernel.contract import AwsError, Call, Cloud, Service


class Logs(Service):
    """Saved queries; the rest of CloudWatch Logs is moto's."""

    name = "logs"
    kept = ("_saved",)

    def __init__(self) -> None:
        self._saved: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()

    def put_query_definition(self, call: Call) -> Mapping[str, Any]:
        """Save a query, or replace the one whose id is given. Raises ResourceNotFoundException."""
        params = call.params
        with self._lock:
            query_id = params.get("queryDefinitionId")
            if query_id and query_id not in self._saved:
                raise AwsError("ResourceNotFoundException", f"No query definition {query_id}")
            query_id = query_id or str(uuid.uuid4())
            self._saved[query_id] = {
                "queryDefinitionId": query_id,
                "name": params["name"],
                "queryString": params["queryString"],
                "queryLanguage": params.get("queryLanguage", "CWLI"),
                "logGroupNames": params.get("logGroupNames", []),
                "lastModified": int(time.time() * 1000),
            }
        return {"queryDefinitionId": query_id}

    def describe_query_definitions(self, call: Call) -> Mapping[str, Any]:
        """Saved queries whose name begins with the given prefix, by name."""
        prefix = call.params.get("queryDefinitionNamePrefix", "")
        with self._lock:
            queries = [saved for saved in self._saved.values() if saved["name"].startswith(prefix)]
        return {"queryDefinitions": sorted(queries, key=lambda saved: str(saved["name"]))}

    def delete_query_definition(self, call: Call) -> Mapping[str, Any]:
        """Delete a saved query. Raises ResourceNotFoundException."""
        with self._lock:
            if self._saved.pop(call.params["queryDefinitionId"], None) is None:
                raise AwsError("ResourceNotFoundException", "The query definition does not exist")
        return {"success": True}


def create(cloud: Cloud) -> Service:  # noqa: ARG001  # all state is here
    """Called by the gateway at the first request for CloudWatch Logs."""
    return Logs()
