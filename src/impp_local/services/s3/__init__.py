"""S3: what moto does not check or gets wrong, checksums, and events."""
