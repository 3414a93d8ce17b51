output "dead_letter_queue" {
  description = "The queue of events of restored originals that the function could not handle."
  value = {
    arn  = module.dead_letter.arn
    name = module.dead_letter.name
    url  = module.dead_letter.url
  }
}

output "functions" {
  description = "The function by short name: ARN, log group and name."
  value = {
    actions = {
      arn            = module.function.arn
      log_group_name = module.function.log_group_name
      name           = module.function.name
    }
  }
}

output "rule_name" {
  description = "Name of the rule that notifies the function of restored originals."
  value       = aws_cloudwatch_event_rule.restored.name
}
