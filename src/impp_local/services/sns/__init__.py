"""SNS: deliveries to functions, queues and webhooks."""
