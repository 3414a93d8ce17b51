"""What the services share: their contract, event targets, deliveries with retries, the bill, moto."""
