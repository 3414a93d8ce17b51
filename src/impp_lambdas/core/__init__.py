"""Pure logic of the pipeline: no boto3, no environment, no clock."""
