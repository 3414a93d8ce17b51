"""The S3 client: credentials, signatures, HTTP, requests and retries."""
