"""Checks on demand: card against bucket, a clip's receipt, and the doctor."""
