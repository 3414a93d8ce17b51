output "functions" {
  description = "The function by short name: ARN, log group and name."
  value = {
    api = {
      arn            = module.function.arn
      log_group_name = module.function.log_group_name
      name           = module.function.name
    }
  }
}

output "origin" {
  description = "The function as an origin of a distribution: its name, and the host name of its URL."
  value = {
    domain_name   = trimsuffix(trimprefix(aws_lambda_function_url.this.function_url, "https://"), "/")
    function_name = module.function.name
  }
}
