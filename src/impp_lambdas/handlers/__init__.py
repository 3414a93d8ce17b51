"""One module per Lambda function: parse the input, ask `core`, act through `adapters`, return."""
