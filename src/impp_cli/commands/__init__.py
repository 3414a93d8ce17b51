"""One module per command: options, output and exit code; the work is done below."""
