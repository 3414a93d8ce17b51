"""The Lambda functions of IMPP: handlers on top, adapters to AWS below, pure logic in `core`."""
