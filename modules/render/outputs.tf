output "dead_letter_queue" {
  description = "The queue of events that started nothing, or whose function failed."
  value = {
    arn  = module.dead_letter.arn
    name = module.dead_letter.name
    url  = module.dead_letter.url
  }
}

output "functions" {
  description = "The functions by short name: ARN, log group and name."
  value = {
    for name, function in module.function : name => {
      arn            = function.arn
      log_group_name = function.log_group_name
      name           = function.name
    }
  }
}

output "rule_names" {
  description = "Names of the rules: `requested` starts an execution, `restored` resumes it, `unrendered` cleans up after one that died."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

output "state_machine_arn" {
  description = "ARN of the state machine, known at plan."
  value       = "arn:${local.partition}:states:${local.region}:${local.account}:stateMachine:${aws_sfn_state_machine.this.name}"
}
