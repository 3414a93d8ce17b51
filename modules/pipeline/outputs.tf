output "catalog_table" {
  description = "The catalog: ARN and name, both known at plan."
  value = {
    arn  = local.table_arn
    name = aws_dynamodb_table.catalog.name
  }
}

output "dead_letter_queue" {
  description = "The queue of events that started no function, or whose function failed, such as `failure`."
  value = {
    arn  = module.dead_letter.arn
    name = module.dead_letter.name
    url  = module.dead_letter.url
  }
}

output "functions" {
  description = "The functions by short name: ARN, log group and name."
  value = {
    for name, function in merge(module.function, module.started) : name => {
      arn            = function.arn
      log_group_name = function.log_group_name
      name           = function.name
    }
  }
}

output "log_group_name" {
  description = "Name of the state machine's log group."
  value       = aws_cloudwatch_log_group.state_machine.name
}

output "rule_names" {
  description = "Names of the rules by the function that each starts: `failure` hears of executions that failed, timed out or were aborted."
  value       = { for key, function in local.started : function => aws_cloudwatch_event_rule.this[key].name }
}

output "state_machine_arn" {
  description = "ARN of the state machine, known at plan."
  value       = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${aws_sfn_state_machine.this.name}"
}

output "state_machine_name" {
  description = "Name of the state machine."
  value       = aws_sfn_state_machine.this.name
}
