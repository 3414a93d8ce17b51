"""Saved queries of the local CloudWatch Logs."""

from __future__ import annotations

from impp_local.cloud import LocalCloud


def test_a_saved_query_is_found_by_its_prefix(cloud: LocalCloud) -> None:
    logs = cloud.client("logs")
    created = logs.put_query_definition(name="slow", queryString="fields @message", logGroupNames=["/aws/lambda/a"])
    (saved,) = logs.describe_query_definitions(queryDefinitionNamePrefix="sl")["queryDefinitions"]
    assert (saved["queryDefinitionId"], saved["queryString"]) == (created["queryDefinitionId"], "fields @message")
