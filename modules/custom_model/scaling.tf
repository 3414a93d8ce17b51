# An asynchronous endpoint scales in to zero, as its developer guide describes ("Autoscale an asynchronous endpoint"): a
# target for the backlog of each instance, and a step from zero to one for the first request, because without instances
# there is no backlog of an instance.
locals {
  scaling = local.is_asynchronous ? toset(["scaling"]) : toset([])
}

resource "aws_appautoscaling_target" "instances" {
  for_each = local.scaling

  service_namespace  = "sagemaker"
  resource_id        = "endpoint/${aws_sagemaker_endpoint.this.name}/variant/${local.variant}"
  scalable_dimension = "sagemaker:variant:DesiredInstanceCount"
  min_capacity       = 0
  max_capacity       = var.asynchronous.max_instances
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "backlog" {
  for_each = local.scaling

  name               = "${var.name}-backlog"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.instances[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.instances[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.instances[each.key].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = var.asynchronous.backlog_per_instance
    scale_in_cooldown  = var.asynchronous.idle_s
    scale_out_cooldown = 60

    customized_metric_specification {
      metric_name = "ApproximateBacklogSizePerInstance"
      namespace   = "AWS/SageMaker"
      statistic   = "Average"

      dimensions {
        name  = "EndpointName"
        value = aws_sagemaker_endpoint.this.name
      }
    }
  }
}

resource "aws_appautoscaling_policy" "first" {
  for_each = local.scaling

  name               = "${var.name}-first"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.instances[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.instances[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.instances[each.key].scalable_dimension

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    cooldown                = 300
    metric_aggregation_type = "Average"

    step_adjustment {
      metric_interval_lower_bound = 0
      scaling_adjustment          = 1
    }
  }
}

# 1 while there are requests and no instance; no data without requests.
resource "aws_cloudwatch_metric_alarm" "first" {
  for_each = local.scaling

  alarm_name          = "${var.name}-has-backlog-without-capacity"
  alarm_description   = "Starts the first instance of the endpoint ${var.name}."
  namespace           = "AWS/SageMaker"
  metric_name         = "HasBacklogWithoutCapacity"
  dimensions          = { EndpointName = aws_sagemaker_endpoint.this.name }
  statistic           = "Average"
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  period              = 60
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  treat_missing_data  = "missing"
  alarm_actions       = [aws_appautoscaling_policy.first[each.key].arn]
  tags                = var.tags
}
