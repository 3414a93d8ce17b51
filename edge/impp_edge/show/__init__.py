"""What owners, programs, Prometheus, CloudWatch and systemd are told."""
