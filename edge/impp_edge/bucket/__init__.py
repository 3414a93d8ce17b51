"""The way to S3: credentials, requests, checksums, and one file's upload in parts."""
