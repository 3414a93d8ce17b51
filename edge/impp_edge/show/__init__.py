"""Output for owners, programs, Prometheus, CloudWatch and systemd."""
