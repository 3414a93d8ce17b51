locals {
  functions   = [for key in sort(keys(var.functions)) : merge(var.functions[key], { label = key })]
  log_sources = join(" | ", [for function in local.functions : "SOURCE '${function.log_group_name}'"])
  queues      = [for key in sort(keys(var.dead_letter_queue_names)) : { label = key, name = var.dead_letter_queue_names[key] }]

  # Rows from top to bottom; the widgets of a row stand side by side and have the same height.
  widgets = flatten([
    for y, row in concat(local.rows.health, local.rows.edge, local.rows.processing, local.rows.delivery, local.rows.cost) : [
      for x, widget in row : merge(widget, { height = 6, width = floor(24 / length(row)), x = x * floor(24 / length(row)), y = y * 6 })
    ]
  ])

  rows = {
    health = [[
      {
        type       = "alarm"
        properties = { title = "Alarms", alarms = local.alarm_arns, sortBy = "stateUpdatedTimestamp" }
      },
      {
        type = "metric"
        properties = merge(local.graph, {
          title   = "Dead letters (should be 0)"
          metrics = [for queue in local.queues : ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name, { label = queue.label, stat = "Maximum" }]]
        })
      },
    ]]

    edge = [
      for devices in length(var.edge_devices) == 0 ? [] : [sort(keys(var.edge_devices))] : [
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Edge: heartbeats an hour"
            period  = 3600
            metrics = [for device in devices : ["IMPP/Edge", "Heartbeat", "Device", device, { label = device, stat = "Sum" }]]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Edge: files waiting, failed ones too"
            metrics = [for device in devices : ["IMPP/Edge", "Waiting", "Device", device, { label = device, stat = "Maximum" }]]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Edge: age of the oldest file waiting (s)"
            metrics = [for device in devices : ["IMPP/Edge", "OldestWaitingSeconds", "Device", device, { label = device, stat = "Maximum" }]]
          })
        },
      ]
    ]

    processing = [
      [
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "Assets by how they ended"
            metrics = [
              for state in ["deferred", "gone", "partial", "published", "quarantined"] :
              ["IMPP", "Assets", "Pipeline", var.name, "State", state, { label = state, stat = "Sum" }]
            ]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "Executions"
            metrics = [
              for metric, label in {
                ExecutionsAborted   = "aborted"
                ExecutionsFailed    = "failed, quarantined"
                ExecutionsStarted   = "started"
                ExecutionsSucceeded = "succeeded"
                ExecutionsTimedOut  = "timed out"
              } : ["AWS/States", metric, "StateMachineArn", var.state_machine_arn, { label = label, stat = "Sum" }]
            ]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Time from upload to result (ms)"
            metrics = [for stat in ["p50", "p95", "Maximum"] : ["AWS/States", "ExecutionTime", "StateMachineArn", var.state_machine_arn, { label = stat, stat = stat }]]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Duration by step, p95 (ms)"
            metrics = [for function in local.functions : ["AWS/Lambda", "Duration", "FunctionName", function.name, { label = function.label, stat = "p95" }]]
          })
        },
      ],
      [
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Lambda errors"
            metrics = [for function in local.functions : ["AWS/Lambda", "Errors", "FunctionName", function.name, { label = function.label, stat = "Sum" }]]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Lambda throttles"
            metrics = [for function in local.functions : ["AWS/Lambda", "Throttles", "FunctionName", function.name, { label = function.label, stat = "Sum" }]]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "Catalog (DynamoDB)"
            metrics = [
              ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", var.table_name, { label = "read units", stat = "Sum" }],
              ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table_name, { label = "write units", stat = "Sum" }],
              ["AWS/DynamoDB", "ReadThrottleEvents", "TableName", var.table_name, { label = "reads throttled", stat = "Sum" }],
              ["AWS/DynamoDB", "WriteThrottleEvents", "TableName", var.table_name, { label = "writes throttled", stat = "Sum" }],
            ]
          })
        },
      ],
      flatten([
        [
          for queue_arn in var.mediaconvert_queue_arn[*] : {
            type = "metric"
            properties = merge(local.graph, {
              title = "MediaConvert jobs"
              metrics = [
                ["AWS/MediaConvert", "JobsCompletedCount", "Queue", queue_arn, { label = "completed", stat = "Sum" }],
                ["AWS/MediaConvert", "JobsErroredCount", "Queue", queue_arn, { label = "failed", stat = "Sum" }],
                ["AWS/MediaConvert", "TranscodingTime", "Queue", queue_arn, { label = "time per job (ms)", stat = "Average", yAxis = "right" }],
              ]
            })
          }
        ],
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "Rekognition's answers about what a model had seen"
            metrics = [
              for metric, label in { Disagreements = "differ", Overrides = "all" } :
              ["IMPP", metric, "Pipeline", var.name, { label = label, stat = "Sum" }]
            ]
          })
        },
        {
          type = "log"
          properties = {
            title  = "Latest errors"
            query  = "${local.log_sources} | ${local.queries.errors}"
            region = local.region
            view   = "table"
          }
        },
      ]),
    ]

    delivery = [
      for id in var.distribution_id[*] : [
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Delivery: requests"
            region  = "us-east-1" # where CloudFront reports
            metrics = [["AWS/CloudFront", "Requests", "DistributionId", id, "Region", "Global", { stat = "Sum" }]]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title   = "Delivery: bytes downloaded"
            region  = "us-east-1"
            metrics = [["AWS/CloudFront", "BytesDownloaded", "DistributionId", id, "Region", "Global", { stat = "Sum" }]]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title  = "Delivery: error rates (%)"
            region = "us-east-1"
            metrics = [
              ["AWS/CloudFront", "4xxErrorRate", "DistributionId", id, "Region", "Global", { label = "4xx", stat = "Average" }],
              ["AWS/CloudFront", "5xxErrorRate", "DistributionId", id, "Region", "Global", { label = "5xx", stat = "Average" }],
            ]
          })
        },
      ]
    ]

    cost = [
      [
        {
          type = "metric"
          properties = merge(local.graph, {
            title  = "What assets cost (USD a day, and an hour of footage)"
            period = 86400
            metrics = [
              ["IMPP", "UsdPerAsset", "Pipeline", var.name, { id = "usd", label = "a day", stat = "Sum" }],
              ["IMPP", "MediaSeconds", "Pipeline", var.name, { id = "seconds", stat = "Sum", visible = false }],
              [{ expression = "usd / seconds * 3600", id = "hour", label = "an hour of footage", yAxis = "right" }],
            ]
          })
        },
        {
          type = "metric"
          properties = merge(local.graph, {
            title  = "Estimated charges of the account by service (USD, month to date)"
            period = 21600
            region = "us-east-1" # where Billing reports, once billing alerts are switched on
            metrics = [
              [{ expression = "SEARCH('{AWS/Billing,Currency,ServiceName} MetricName=\"EstimatedCharges\"', 'Maximum', 21600)", id = "charges", label = "" }],
            ]
            stacked = true
          })
        },
      ],
      flatten([
        [
          for bucket in var.originals_bucket_name[*] : {
            type = "metric"
            properties = merge(local.graph, {
              title  = "Originals by storage class (bytes)"
              period = 86400
              metrics = [
                [{ expression = "SEARCH('{AWS/S3,BucketName,StorageType} MetricName=\"BucketSizeBytes\" BucketName=\"${bucket}\"', 'Average', 86400)", id = "storage", label = "" }],
              ]
              stacked = true
            })
          }
        ],
        {
          type = "metric"
          properties = merge(local.graph, {
            title = "Rekognition images"
            metrics = [
              [{ expression = "SEARCH('{AWS/Rekognition,Operation} MetricName=\"SuccessfulRequestCount\"', 'Sum', 300)", id = "images", label = "" }],
            ]
          })
        },
        [
          for queue_arn in var.mediaconvert_queue_arn[*] : {
            type = "metric"
            properties = merge(local.graph, {
              title = "Transcoded (ms of output)"
              metrics = [
                for metric, label in { HDOutputDuration = "HD", SDOutputDuration = "SD", UHDOutputDuration = "UHD" } :
                ["AWS/MediaConvert", metric, "Queue", queue_arn, { label = label, stat = "Sum" }]
              ]
            })
          }
        ],
      ]),
    ]
  }

  graph = { period = 300, region = local.region, stacked = false, view = "timeSeries" }
}
