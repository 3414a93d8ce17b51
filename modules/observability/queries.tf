locals {
  # CloudWatch Logs Insights. Powertools and Lambda both log JSON, so a query can name every field.
  queries = {
    asset = <<-EOT
      # Everything about one asset, in order: fill in its id.
      fields @timestamp, service, level, message
      | filter asset = "00000000000000000000"
      | sort @timestamp asc
      | limit 1000
    EOT

    cost = <<-EOT
      # The lines in embedded metric format with which every asset ends (docs/reference/metrics.md).
      filter ispresent(UsdPerAsset)
      | stats count(*) as assets, sum(UsdPerAsset) as usd, sum(MediaSeconds) / 3600 as hours by bin(1d) as day, State
      | sort day desc
    EOT

    duration = <<-EOT
      filter type = "platform.report"
      | stats count(*) as calls, pct(record.metrics.durationMs, 50) as p50_ms, pct(record.metrics.durationMs, 95) as p95_ms,
          pct(record.metrics.initDurationMs, 50) as cold_start_ms, max(record.metrics.maxMemoryUsedMB) as memory_used_mb,
          max(record.metrics.memorySizeMB) as memory_mb by @log
      | sort p95_ms desc
    EOT

    errors = <<-EOT
      fields @timestamp, service, asset, message, exception_name
      | filter level in ["ERROR", "CRITICAL"] or type = "platform.fault" or record.status in ["error", "timeout"]
      | sort @timestamp desc
      | limit 50
    EOT
  }
}

resource "aws_cloudwatch_query_definition" "this" {
  for_each = local.queries

  name            = "${var.name}/${each.key}"
  log_group_names = [for function in local.functions : function.log_group_name]
  query_string    = each.value
}
