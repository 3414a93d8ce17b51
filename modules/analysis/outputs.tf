output "dead_letter_queue" {
  description = "The queue of completion events that `resume` did not receive or failed to process; null in a build without the function."
  value = one([
    for queue in module.dead_letter : {
      arn  = queue.arn
      name = queue.name
      url  = queue.url
    }
  ])
}

output "functions" {
  description = "The functions by short name: ARN, log group and name."
  value = {
    for name, function in merge(module.function, module.resume) : name => {
      arn            = function.arn
      log_group_name = function.log_group_name
      name           = function.name
    }
  }
}

output "rule_name" {
  description = "Name of the rule for Transcribe's events; null without transcription."
  value       = one(values(aws_cloudwatch_event_rule.transcribed)[*].name)
}

output "task_function_arns" {
  description = "ARNs of the functions that the state machine calls, by short name."
  value       = { for name, function in module.function : name => function.arn }
}
