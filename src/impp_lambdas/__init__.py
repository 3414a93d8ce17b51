"""The Lambda functions of IMPP: one thin handler a module, pure logic in `core`, AWS behind `aws`."""
