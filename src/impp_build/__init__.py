"""Builds what Terraform deploys: function zips by import closure, layers from wheels, state machine, manifest."""


class BuildError(Exception):
    """A mistake in what is built. The message names the file and the line and says what to do."""
